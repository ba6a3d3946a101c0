"""What people wrote: notes, messages, biographies. They mention others, and tell what no column asks for."""

from __future__ import annotations

import re

from greenroom.discovery.detectors._lists import is_first, is_last
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import find, tokens, vocabulary
from greenroom.discovery.place import FEW, Clue, Place, found, weigh
from greenroom.discovery.subjects import EMAIL, FAMILY_NAME, GIVEN_NAME, Subject
from greenroom.masking._types import Kind

NAMES = vocabulary(
    """note notes comment comments remark remarks memo bio biography about aboutme message messagetext messagebody body
    text textbody feedback reviewtext reviewbody complaint observation observations annotation annotations
    giftmessage specialinstructions instructions deliveryinstructions freetext narrative testimonial statement
    letter coverletter conversation transcript chatlog reply answertext notiz notizen bemerkung bemerkungen
    kommentar kommentare anmerkung anmerkungen nachricht freitext hinweis lebenslauf begruendung befundtext verlauf
    beurteilung remarque remarques commentaire commentaires appreciation biographie observaciones comentario
    comentarios nota notas mensaje biografia resena osservazioni commento commenti annotazioni messaggio recensione
    opmerking opmerkingen notitie notities bericht toelichting observacao observacoes anotacoes mensagem anotacao
    story review testimonials noteself adminnote adminnotes internalnote internalnotes privatenote staffnote
    staffnotes clinicalnote clinicalnotes progressnote progressnotes callnotes casenotes agentnotes handovernote
    medicalnotes history anamnesis reasonforvisit reasonforcall chiefcomplaint presentingcomplaint observationtext
    findings recommendation appraisal evaluationtext interviewnotes interviewfeedback motivation aboutmetext
    selfintroduction introduction dedication greeting wish wishes specialrequest specialrequests request requests
    inquiry enquiry question answers answer explanation justification excuse apology incident incidentdescription
    accountofevents claimdescription damagedescription accessneeds accessnotes doornote callsummary callnote
    emailbody mailbody smstext smsbody chattext chatmessage rendered posttext remarkstext extrainfo additionalinfo
    additionalinformation furtherinformation otherinformation miscellaneous prayerrequest lifestory hobbies
    interests eulogy wishesfamily notizfeld notiztext bemerkungstext vermerk aktennotiz gespraechsnotiz anliegen
    anschreiben bewerbungstext motivationsschreiben stellungnahme mitteilung kommentartext hinweise beschwerdetext
    begruendungstext schilderung sachverhalt hergang unfallhergang verwendungszweck zweck buchungstext
    besonderheiten sonstiges zusatzinfo lebenslauftext beschluss wunsch wuensche commentairelibre observationslibres
    motif motifabsence appreciationgenerale lettremotivation libelleoperation precision precisions
    informationcomplementaire infoscomplementaires antecedentsmedicaux compterendu temoignage recit remarquesparents
    observacionesinternas observ obs anotaciones comentariosinternos descripcionhechos relato hechos detalle
    detalles concepto conceptosepa motivo motivoconsulta informe informemedico valoracion cartapresentacion
    otrosdatos aclaraciones indicaciones notasmedicas notainterna noteinterne annotazione osservazione
    descrizionefatto motivazione causale letteramotivazionale referto referti giudizio richiesta opm opmerkingenveld
    memotekst notitieveld aantekening aantekeningen bijzonderheden omschrijvingklacht klacht klachten reden
    redenverzuim motivatie motivatiebrief verslag gespreksverslag toelichtingklant obs1 observacaointerna observ1
    anotacaointerna descricaoproblema reclamacao queixa motivocontato depoimento relatorio recado justificativa
    parecer cartaapresentacao pontosatencao uwagi uwaga notatka notatki komentarz komentarze opiszdarzenia
    tytulprzelewu uzasadnienie trescwiadomosci tresc zalecenia anteckning anteckningar meddelande kommentarer notat
    bemaerkning bemaerkninger merknad merknader besked fritext huomautus huomautukset viesti lisatiedot poznamka
    poznamky zprava komentar oduvodneni aciklama notlar yorum yorumlar mesajmetni sikayet objectrepr repr
    reasonforleaving leavingreason references appreciations appreciationprof observationsprof commentaireprof
    avis transcricao transcription transkript transkription transcripcion trascrizione transcriptie clinicalsummary
    motivatie motifretard motifsanction beurteilungstext zeugnistext"""
)
SUBJECT_LINES = vocabulary(
    """subject betreff objet asunto oggetto onderwerp assunto emailsubject messagesubject tema asuntomensaje topicline
    emne amne otsikko predmet konu temat headline"""
)
DESCRIPTION = vocabulary(
    """description details reason summary selfdescription beschreibung descripcion descrizione beskrivning beskrivelse
    kuvaus popis opis omschrijving omschr descricao desc describe detail informations"""
)
ADDRESSED = GIVEN_NAME | EMAIL
ACCOUNT = vocabulary(
    """iban counterpartyiban tegenrekening gegenkonto tegenrek ibancontroparte counterpartyaccount payeraccount
    debtoriban"""
)
"""Beside somebody's account stands what somebody wrote on a transfer."""
CONVERSATION = vocabulary("body content text message inhalt contenu contenido contenuto inhoud conteudo")
VALUES = vocabulary(
    """value values val fieldvalue attributevalue answervalue wert werte valeur valeurs valor valores valore valori
    waarde waarden wartosc varde verdi vaerdi arvo hodnota deger payload"""
)
"""Columns of tables that hold anything: an attribute's name in one column, its value in another."""

ADDRESSED_TEXTS = 3
"""So many texts with an address in them are no chance."""

_FIELDS = re.compile(r"[<\"'&?;|]\s*([A-Za-z_]{2,30})\s*(?:[\"']?\s*[:=]|>|[\"'];)")
_SEGMENT = re.compile(r"(?:^|[\r\n])(?:PID\||NK1\||BEGIN:VCARD|NAD\+|[^\r\n]{0,200}'NAD\+|:86:)")
"""How parts of messages begin that name somebody: HL7, vCard, EDIFACT, MT940."""

FIELDS = (
    GIVEN_NAME
    | FAMILY_NAME
    | EMAIL
    | vocabulary(
        """fullname customername username phone phonenumber telefon telefono telephone mobile birthdate dateofbirth
        geburtsdatum fechanacimiento nif dni nie ssn cpf bsn pesel matricula iban street strasse address direccion
        endereco adresse rue calle"""
    )
)
"""Names of fields by which a record is one of a person."""

CLUE = Clue("sentence", "sentences")
MENTION = Clue("mention", "texts that mention somebody")
_CONTACT = re.compile(r"[^\s@]+@[^\s@]+\.\w{2,}|\+\d[\d ()/-]{7,}\d|\b0\d{2,4}[ /-]?\d{3,}[\d -]*")
_TITLED = re.compile(
    r"\b(?:Mr|MR|Mrs|MRS|Ms|MS|Herrn?|HERRN?|Frau|FRAU|Sr|SR|Sra|SRA|Mme|MME|Monsieur|Madame|Sig|Signora|Dhr|Mevr|Mevrouw)\b"
    r"\.? +[A-ZÀ-Þ][\w’'-]+"
)
_CAPITALS = re.compile(r"\b([A-ZÀ-Þ][\w’'-]+) +([A-ZÀ-Þ][\w’'-]+)")
_INSIDE = re.compile(r"(?<=[a-zà-þ,] )([A-ZÀ-Þ][\w’'-]+)")


def mentions(text: str) -> bool:
    """Whether a text of several words has a name or a way to reach somebody in it."""
    if len(text.split()) < 4:
        return False
    if _CONTACT.search(text) or _TITLED.search(text):
        return True
    return any(is_first(a) and is_last(b) for a, b in _CAPITALS.findall(text))


def is_record(text: str) -> bool:
    """Whether a text is a record (XML, JSON, a form, a program's own) that has a person's fields."""
    if _SEGMENT.search(text[:1000]):
        return True
    return any(find(tokens(field), FIELDS) for field in _FIELDS.findall(text[:1000]))


def mentions_first(text: str) -> bool:
    """Whether a given name stands in the middle of a sentence."""
    return len(text.split()) >= 4 and any(is_first(word) for word in _INSIDE.findall(text))


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    if place.is_short_list:
        return _short(place)
    sample = place.sample
    share = sample.share("mention")
    texts = sample.share("sentence") >= 0.3 and sample.values > 0
    choices = (Choice("free_text"), Choice("free_text", {"mode": "lorem"}), Choice("keyed_hash"))
    addressed = sample.traits.get("address_within", 0)
    if addressed >= ADDRESSED_TEXTS and sample.share("address_within") >= 0.02 and sample.share("email") < 0.1:
        return found("free_text", (0.7, f"an e-mail address stands within {addressed} of {sample.values}"), *choices)
    if sample.share("serialized") >= 0.1:
        return found("free_text", (0.65, place.counted("serialized", "records with a person's fields")), *choices)
    if place.is_text and place.named(VALUES) and place.about.people and not place.is_person:
        return found("free_text", (0.55, "values of any kind that belong to somebody"), *choices)
    if place.named(NAMES) or (place.named(CONVERSATION) and place.about.subject is Subject.EVENT):
        return _named(place, share, choices)
    if place.named(SUBJECT_LINES) and place.about.subject is Subject.EVENT:
        return found("free_text", weigh(place, 0.7 if place.about.people else 0.6, CLUE), *choices)
    if place.named(DESCRIPTION) and place.has_beside(ACCOUNT) and not place.is_catalogue and not place.is_short_list:
        return found("free_text", weigh(place, 0.7, Clue()), *choices)
    if place.named(DESCRIPTION) and place.is_person and place.has_beside(ADDRESSED) and not texts:
        return found("free_text", weigh(place, 0.65, Clue()), *choices)
    if texts and not place.is_catalogue:
        if share >= 0.1 or sample.share("mention_first") >= 0.3:
            clue = MENTION if share >= 0.1 else Clue("mention_first", "texts with a given name in them")
            return found("free_text", (0.75, place.counted(clue.trait, clue.title)), *choices)
        # Of a person's row, what somebody wrote is about that person, whomever it mentions.
        is_theirs = place.is_of_person and sample.distinct > sample.values / 2
        return found("free_text", (0.55 if is_theirs else 0.4, place.counted(CLUE.trait, CLUE.title)), *choices)
    if share >= 0.2 and not place.is_catalogue and sample.share("phone") < 0.3:
        return found("free_text", (0.6, place.counted(MENTION.trait, MENTION.title)), *choices)
    if texts and share >= 0.3:
        return found("free_text", (0.45, place.counted(MENTION.trait, MENTION.title)), *choices)
    return None


def _short(place: Place) -> Finding | None:
    """Notes that repeat themselves are notes, where they are longer than a code."""
    if place.kind is Kind.ENUM or place.has_listing_check or place.is_catalogue or not place.is_of_person:
        return None
    if place.named(NAMES) and place.sample.words >= 1.5 and place.sample.longest >= 12:
        return found("free_text", (0.6, "name; the same texts again and again"), Choice("free_text"), Choice("shuffle"))
    return None


def _named(place: Place, share: float, choices: tuple[Choice, ...]) -> Finding | None:
    is_no_text = place.sample.values >= FEW and place.sample.share("number") + place.sample.share("code") >= 0.8
    if is_no_text:
        return found("free_text", (0.3, f"the name says so, but {place.counted('sentence', 'sentences')}"), *choices)
    is_of_things = place.is_catalogue and not place.about.people  # a remark on a shift is one on whoever worked it
    if is_of_things or place.kind is Kind.ENUM:
        by_name = 0.6 if share >= 0.1 else 0.0
    else:
        by_name = 0.88 if place.is_of_person or share >= 0.1 or place.about.subject is Subject.EVENT else 0.6
    if share >= 0.1:
        return found(
            "free_text",
            (
                max(by_name, 0.9) if by_name >= 0.6 else by_name,
                f"name, and {place.counted(MENTION.trait, MENTION.title)}",
            ),
            *choices,
        )
    return found("free_text", weigh(place, by_name, Clue()), *choices)


DETECTOR = Detector(
    "free_text", "texts", judge, {"mention": mentions, "mention_first": mentions_first, "serialized": is_record}
)
