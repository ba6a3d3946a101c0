"""Names of files and of pages that somebody's name was written into: `cv_smith.pdf`, `mary-smith-2`."""

from __future__ import annotations

import re
from itertools import pairwise

from greenroom.discovery.detectors._lists import is_first, is_last
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import FEW, Place, found

FILES = vocabulary(
    """filename file files attachment attachments originalname originalfilename documentname document documents upload
    uploads dateiname datei dateien anhang anhaenge nomfichier fichier fichiers piecejointe piecesjointes nombrefichero
    fichero ficheros nombrearchivo archivo archivos adjunto adjuntos nomefile allegato allegati bestandsnaam bestand
    bestanden bijlage bijlagen nomearquivo arquivo arquivos anexo anexos nazwapliku plik pliki zalacznik zalaczniki
    filnamn filnavn bilaga bilagor vedlegg bilag tiedostonimi liite nazevsouboru soubor priloha dosyaadi dosya"""
)
SLUGS = vocabulary("slug permalink vanity vanityurl handle profileslug alias urlname")
SHORTEST = 4
"""Letters of a word from which on it is no chance that it is somebody's name."""

_PARTS = re.compile(r"[^\W\d_]+")


def has_name(text: str) -> bool:
    """Whether a part of a file's name is a name of the lists."""
    stem = text.rpartition(".")[0] or text
    return len(text) <= 160 and any(len(p) >= SHORTEST and (is_last(p) or is_first(p)) for p in _PARTS.findall(stem))


def has_both_names(text: str) -> bool:
    """Whether a given and a family name stand side by side in one word: `mary-smith-2`."""
    if " " in text or len(text) > 80 or "@" in text:
        return False
    parts = _PARTS.findall(text)
    return any((is_first(a) and is_last(b)) or (is_last(a) and is_first(b)) for a, b in pairwise(parts))


def judge(place: Place) -> Finding | None:
    if not place.is_text or place.is_catalogue or place.sample.values < FEW:
        return None
    choices = (Choice("keyed_hash"), Choice("free_text"), Choice("shuffle"))
    named = place.sample.share("named_file")
    if place.named(FILES) and named >= 0.1:
        return found("file_name", (0.65, f"name, and {place.counted('named_file', 'with a name in them')}"), *choices)
    if place.named(FILES) and place.about.people and not place.is_short_list:
        return found("file_name", (0.4, "names of files that lead to somebody"), *choices)
    if place.named(SLUGS) and place.sample.share("both_names") >= 0.2:
        return found("file_name", (0.65, f"name, and {place.counted('both_names', 'made of names')}"), *choices)
    return None


DETECTOR = Detector("file_name", "names of files", judge, {"named_file": has_name, "both_names": has_both_names})
