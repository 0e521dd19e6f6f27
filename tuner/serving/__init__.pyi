from .atomic_publish import check_output, get_umask, publish, write_text_file
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
    "check_output",
    "export_model",
    "get_umask",
    "load_saved",
    "predict_file",
    "publish",
    "read_about",
    "write_about",
    "write_text_file",
]
