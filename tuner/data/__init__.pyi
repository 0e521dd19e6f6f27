from .categories import UnknownText
from .cells import MISSING_WORDS, Commas
from .column_advice import applicable_advice
from .column_profile import ColumnKind, ColumnProfile
from .data_config import OUTLIER_LIMITS, DataOptions, Folds, read_options
from .dataset import DataFacts, HeldOut, PreparedData, Split, Subset
from .encoders import ENCODERS, ENCODINGS
from .fitted_preprocessing import Preprocessing
from .image_guess import looks_like_images
from .image_stream import ImageStream, is_image_shape, names_images
from .preparation import check_repeatable, held_out, prepare, unscaled_splits
from .prepared_data_file import load_held_out, load_prepared, save_held_out, save_prepared
from .row_encoder import RowEncoder, encode_rows, warn_of_data
from .session_data_file import ArrayFile, array_file
from .share_explained import TELLS_ALL
from .source_profile import SourceProfile, profile_source
from .sources import BUILT_IN, SOURCES, find_source, refused_keys, was_folder
from .sources.image_file import IMAGE_SUFFIXES
from .sources.npz import ARRAY_SUFFIXES, read_new_arrays
from .sources.tabular import TABLE_SUFFIXES
from .table_profile import TableProfile, profile_table
from .table_stream import TableStream, open_table

__all__ = [
    "ARRAY_SUFFIXES",
    "BUILT_IN",
    "ENCODERS",
    "ENCODINGS",
    "IMAGE_SUFFIXES",
    "MISSING_WORDS",
    "OUTLIER_LIMITS",
    "SOURCES",
    "ArrayFile",
    "ColumnKind",
    "ColumnProfile",
    "Commas",
    "TABLE_SUFFIXES",
    "TELLS_ALL",
    "DataFacts",
    "DataOptions",
    "Folds",
    "HeldOut",
    "ImageStream",
    "PreparedData",
    "Preprocessing",
    "RowEncoder",
    "SourceProfile",
    "Split",
    "Subset",
    "TableProfile",
    "TableStream",
    "UnknownText",
    "applicable_advice",
    "array_file",
    "check_repeatable",
    "encode_rows",
    "find_source",
    "held_out",
    "is_image_shape",
    "load_held_out",
    "load_prepared",
    "looks_like_images",
    "names_images",
    "open_table",
    "prepare",
    "profile_source",
    "profile_table",
    "read_new_arrays",
    "read_options",
    "refused_keys",
    "save_held_out",
    "save_prepared",
    "unscaled_splits",
    "warn_of_data",
    "was_folder",
]
