from .file_prediction import FilePrediction, predict_file
from .model_export import ModelExport, export_model
from .model_formats import MODEL_FORMATS
from .model_metadata import ModelMetadata, read_about, write_about
from .model_summary import HeldOutScore, networks_text, score_text
from .predictor import SavedModel, load_saved

__all__ = [
    "MODEL_FORMATS",
    "FilePrediction",
    "HeldOutScore",
    "ModelExport",
    "ModelMetadata",
    "SavedModel",
    "export_model",
    "load_saved",
    "networks_text",
    "predict_file",
    "read_about",
    "score_text",
    "write_about",
]
