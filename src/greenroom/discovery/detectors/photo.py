"""Pictures of people, signatures, scans and other files."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import Subject
from greenroom.masking._types import Kind

NAMES = vocabulary(
    """photo picture image avatar portrait headshot signature scan fingerprint selfie thumbnail passportscan idscan
    face iris biometric foto bild unterschrift passbild lichtbild signatur photographie huella imagen immagine firma
    handtekening assinatura imagem voice recording facescan faceimage facedata doorphoto proofphoto idphoto
    idcardphoto passportphoto licencephoto licensephoto profilepic profilephoto mugshot xray radiograph mri
    ultrasound medicalimage voicesample voicemessage voicenote audio video selfievideo fingerprints handprint retina
    iristemplate facetemplate biometrictemplate signatureimage signatureimg firmaimg ausweisscan passfoto profilbild
    roentgen roentgenbild fotoidentite empreinte radiographie pasfoto handtekeningbeeld vingerafdruk rontgenfoto
    fotoperfil radiografia huelladactilar impronta digital biometria assinaturadigital zdjecie podpis odciskpalca
    underskrift fotografi valokuva allekirjoitus fotka otisk imza fotograf parmakizi resim"""
)
FILES = vocabulary(
    """document attachment file content data blob resume cv anhang dokument datei fichier documento bestand contents
    filedata filecontent filecontents documentdata attachmentdata pdf pdfdata scandata payload bytes inhalt anhaenge
    contenu contenufichier piecejointe contenido adjunto archivo allegato contenuto inhoud bijlage conteudo anexo
    arquivo zalacznik plik bilaga fil vedlegg liite tiedosto priloha soubor ek dosya"""
)


def judge(place: Place) -> Finding | None:
    if place.kind is not Kind.BYTEA or place.is_catalogue:
        return None
    image = (Choice("bytea", {"mode": "image"}), Choice("bytea", {"mode": "keyed"}))
    if place.named(NAMES):
        by_name = 0.9 if place.is_of_person else 0.5
        if place.about.subject is Subject.ORGANISATION and not place.about.has_names:
            return found("photo", (0.4, "name; an organisation's"), *image, is_personal=False)
        return found("photo", weigh(place, by_name, Clue()), *image)
    if place.named(FILES) and place.is_of_person:
        return found("photo", weigh(place, 0.65, Clue()), Choice("bytea"), *image)
    return None


DETECTOR = Detector("photo", "pictures", judge)
