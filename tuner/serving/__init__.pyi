from .file_prediction import FilePrediction, predict_file
from .model_export import ModelExport, export_model
from .model_formats import MODEL_FORMATS
from .model_metadata import ModelMetadata, read_about, write_about
from .predictor import SavedModel, load_saved

__all__ = [
    "MODEL_FORMATS",
    "FilePrediction",
    "ModelExport",
    "ModelMetadata",
    "SavedModel",
    "export_model",
    "load_saved",
    "predict_file",
    "read_about",
    "write_about",
]
