"""Finished matches on disk: one folder that `madcore quartet` writes, or a store of all matches of a tournament."""

from madcore.store.layout import is_store as is_store
from madcore.store.record import RECORD as RECORD
from madcore.store.record import SCHEMA as SCHEMA
from madcore.store.record import canonical as canonical
from madcore.store.record import check_folder as check_folder
from madcore.store.record import clear_folder as clear_folder
from madcore.store.record import damaged_files as damaged_files
from madcore.store.record import match_id as match_id
from madcore.store.record import parse_record as parse_record
from madcore.store.record import read_match as read_match
from madcore.store.record import write_match as write_match
from madcore.store.single import SingleMatch as SingleMatch
from madcore.store.single import find_store as find_store
from madcore.store.single import open_results as open_results
from madcore.store.status import describe_store as describe_store
from madcore.store.store import Store as Store
from madcore.store.store import check_durability as check_durability
from madcore.store.tables import FORMATS as FORMATS
from madcore.store.tables import write_rows as write_rows

__all__ = [
    "FORMATS",
    "RECORD",
    "SCHEMA",
    "SingleMatch",
    "Store",
    "canonical",
    "check_durability",
    "check_folder",
    "clear_folder",
    "damaged_files",
    "describe_store",
    "find_store",
    "is_store",
    "match_id",
    "open_results",
    "parse_record",
    "read_match",
    "write_match",
    "write_rows",
]
