"""Words that tables are named by, in many languages: of people, organisations, addresses, events and things."""

from __future__ import annotations

from greenroom.discovery.naming import vocabulary

STAFF = vocabulary(
    """staff employee clerk manager mitarbeiter personal angestellter employe salarie empleado trabajador dipendente
    impiegato medewerker werknemer funcionario colaborador salesperson salesrep agent operator admin sachbearbeiter
    bearbeiter bediener vertreter verkaufer verkaeufer vendeur commercial vendedor venditore verkoper handelaar
    tramitador gestor encargado responsable responsabile medarbejder ansatt anstalld pracownik zamestnanec calisan
    personel dispatcher foreman supervisor worker technician mechanic engineer officer cashier crew nurse caseworker
    monteur chauffeur beheerder behandelaar preposto addetto operatore operador operateur administrateur
    administrador amministratore valideur technicien tecnico lector consulent attorney prescriber attending
    requester approver auditor assessor adjuster underwriter estimator surveyor notary bailiff broker makler
    courtier mediateur assureur kontrolleur pruefer prufer gutachter anspruchsteller berichterstatter"""
)
PERSON = STAFF | vocabulary(
    """user benutzer usuario utilisateur gebruiker utente uzytkownik uzivatel kullanici bruger anvandare bruker
    kayttaja kund kunder medlem klient klienci pacjent zakaznik companion housekeeper freelancer contractor
    subcontractor consultant person people human individual customer cust client member patient student pupil
    teacher instructor professor lecturer author actor actress player athlete driver contact subscriber donor guest
    tenant candidate applicant visitor voter owner holder passenger resident citizen attendee participant lead
    parent child guardian doctor physician caregiver beneficiary policyholder borrower buyer shopper recipient
    sender profile volunteer debtor creditor lender investor reviewer salesman coach trainer therapist referrer chef
    director writer musician speaker winner friend follower party reader cardholder signatory witness lawyer judge
    account defendant plaintiff inmate prisoner suspect victim offender taxpayer payer payee claimant insured
    consignee consignor addressee caller invitee inviter mentor mentee trainee apprentice intern alumni alumnus
    graduate sponsor heir spouse husband wife partnerperson relative dependent dependant sibling mother father
    nextofkin employeerecord pensioner retiree jobseeker recruiter interviewer examiner courier rider pilot captain
    sailor soldier veteran fisherman landlord lodger traveller traveler tourist pilgrim worshipper parishioner
    congregant dater singleprofile courierperson caretaker janitor referee umpire kunde kundin nutzer mitglied
    patientin schuler schueler lehrer arzt arztin aerztin teilnehmer bewerber autor fahrer ansprechpartner kontakt
    versicherter versicherte mieter vermieter eigentumer eigentuemer gast spender abonnent anwender bewohner debitor
    schuldner glaubiger glaeubiger empfanger empfaenger absender auftraggeber kontoinhaber inhaber halter leiter
    vorstand funktionstrager funktionstraeger ubungsleiter uebungsleiter schiedsrichter schiri hausmeister spieler
    zeuge betreuer pfleger angehoriger angehoeriger elternteil schulerin lehrerin auszubildender azubi praktikant
    rentner beamter burger buerger einwohner wahler waehler verfasser kollege antragsteller klager klaeger beklagter
    geschadigter geschaedigter unfallbeteiligter reisender fluggast passagier interessent notfallkontakt personalie
    personalstamm personenstamm kundenstamm personne utilisateur eleve etudiant enseignant professeur medecin membre
    adherent auteur abonne locataire proprietaire beneficiaire salarie acheteur inscrit stagiaire candidat tuteur
    tutrice representantlegal responsablelegal assure souscripteur emprunteur preteur debiteur creancier expediteur
    destinataire visiteur voyageur passager conducteur chauffeur livreur infirmier infirmiere soignant parrain
    filleul heritier conjoint enfant famille apprenti benevole donateur temoin victime plaignant demandeur
    allocataire contribuable citoyen habitant resident licencie joueur entraineur arbitre coureur moniteur animateur
    intervenant interlocuteur persona cliente usuario paciente alumno estudiante profesor medico miembro socio
    propietario inquilino huesped conductor candidato contacto titular comprador asegurado tomador beneficiario
    mediador corredor perito implicado lesionado herido testigo victima denunciante demandante demandado acreedor
    deudor fiador avalista remitente destinatario pasajero viajero visitante invitado donante voluntario jubilado
    pensionista ciudadano vecino contribuyente votante tutor padre madre hijo conyuge pareja familiar dependiente
    heredero aspirante postulante becario aprendiz jugador entrenador arbitro enfermero cuidador cobrador repartidor
    mensajero chofer piloto residente afiliado suscriptor interesado firmante apoderado representante autorizado
    utente paziente studente insegnante docente autore proprietario ospite contatto alunno anagrafica dipendente
    genitore figlio assicurato contraente beneficiario debitore creditore mittente passeggero viaggiatore autista
    conducente iscritto tesserato socio associato volontario donatore cittadino abitante inquilino locatario
    testimone vittima giocatore allenatore medico infermiere fidejussore firmatario intestatario anagrafe persoon
    klant leerling docent arts lid huurder verhuurder eigenaar bezoeker deelnemer contactpersoon relatie debiteur
    crediteur verzekerde begunstigde afzender ontvanger geadresseerde passagier reiziger bestuurder vrijwilliger
    donateur burger bewoner inwoner kiezer getuige slachtoffer speler scheidsrechter patient clientperson
    sollicitant kandidaat stagiair gepensioneerde ouder verzorger voogd collega abonnee lener lezer gast gezinslid
    zorgverlener behandelaar verpleegkundige pessoa utilizador aluno estudante membro hospede comprador inquilino
    proprietario locatario fiador segurado passageiro viajante motorista condutor entregador professor medico
    paciente enfermeiro responsavel filho dependente conjuge herdeiro doador voluntario cidadao morador eleitor
    testemunha vitima devedor credor remetente destinatario favorecido beneficiario candidato estagiario aprendiz
    jogador treinador associado socio titular assinante usuario visitante convidado aposentado indicado vendedor
    osoba klient klienta klienci kierowca kierowcy pracownik pracownicy pacjent uczen student nauczyciel lekarz
    czlonek uczestnik autor odbiorca nadawca platnik najemca wlasciciel pasazer gosc darczynca wolontariusz kandydat
    ubezpieczony obywatel mieszkaniec wyborca dziecko rodzic opiekun malzonek swiadek kontrahent anstalld elev
    student larare patient deltagare gast medlem kund anvandare forare agare hyresgast passagerare vardnadshavare
    barn foralder givare mottagare avsandare borger kunde medlem elev larer patient deltager gaest ejer lejer
    foraelder pasient kunde medlem elev laerer deltaker gjest eier leietaker forelder ansatt asiakas jasen potilas
    oppilas opettaja henkilo tyontekija omistaja vuokralainen matkustaja lapsi osoba zakaznik klient pacient
    zamestnanec uzivatel student zak ucitel lekar clen ucastnik autor prijemce odesilatel najemce vlastnik ridic
    cestujici host darce dobrovolnik uchazec pojistenec obcan obyvatel volic dite rodic zastupce manzel svedek kisi
    musteri hasta ogrenci ogretmen doktor uye katilimci yazar alici gonderici kiraci sahip surucu yolcu misafir
    bagisci gonullu aday vatandas veli cocuk abonado abonados versicherungsnehmer versnehmer policeholder
    subjectperson plaintiffs defendants ingezetene deudores morosos reclamante solicitante pratiquant titulaires
    ayantdroit assures allocataires assistito assistiti detenido detenida imputado gemeindeglied gemeindeglieder
    respondent pratiquante paroissien fedele parrocchiano curatore tutelado affiliato"""
)
PATIENT = vocabulary(
    """patient patients patientin paciente pacientes paziente pazienti pacjent pacjenci pasient potilas pacient hasta
    hastalar inpatient outpatient"""
)
"""People of whom every row of what happened to them is one of their health."""
ORGANISATION = vocabulary(
    """company organisation organization org vendor supplier shipper carrier manufacturer publisher distributor
    merchant firm business employer bank insurer insurance agency club association hospital clinic university
    institution partner dealer store shop branch warehouse office facility hotel restaurant firma venue depot site
    hub terminal pickuppoint parcelshop locker plant factory outlet franchise headquarters workshop garage
    dealership pharmacy laboratory library museum theatre theater gym church parish charity foundation ngo authority
    ministry municipalityoffice creditinstitution unternehmen lieferant hersteller verlag krankenkasse versicherung
    verein betrieb filiale lager schule klinik halle sporthalle standort zweigstelle niederlassung geschaftsstelle
    geschaeftsstelle werkstatt apotheke praxis krankenhaus behorde behoerde amt gemeindeamt stiftung verband
    entreprise societe fournisseur fabricant editeur banque assurance magasin ecole etablissement agence succursale
    entrepot pharmacie hopital garagiste mairie fondation empresa proveedor fabricante editorial banco tienda
    almacen sucursal aseguradora colegio oficina taller compania sede delegacion farmacia ayuntamiento fundacion
    azienda fornitore produttore ditta negozio magazzino banca scuola filiale sede officina farmacia comuneente
    bedrijf leverancier fabrikant winkel magazijn verzekeraar vestiging filiaal apotheek gemeentehuis stichting
    vereniging fornecedor loja armazem escola empresa filial agencia transportadora oficinamecanica hospital firmy
    dostawca producent sklep magazyn oddzial bank szpital przychodnia apteka szkola punkt placowka przewoznik
    foretag leverantor butik skola virksomhed leverandor butik skole bedrift yritys toimittaja kauppa koulu
    dodavatel vyrobce prodejna sklad pobocka skola nemocnice sirket tedarikci magaza depo sube okul hastane banka"""
)
ADDRESS = vocabulary(
    """address addresses addr adresse anschrift direccion domicilio indirizzo adres endereco morada useraddress
    customeraddress addressbook postaladdress residence wohnsitz woonadres adresy adresa osoite adresler logradouro
    recapito domicile"""
)
EVENT = vocabulary(
    """hit order orders purchase sale invoice payment rental booking reservation appointment visit message mail email
    post comment review rating feedback ticket case claim issue event log audit session login activity history
    transaction transfer subscription shipment delivery call chat note diagnosis prescription treatment observation
    result survey answer response request complaint donation grade enrollment enrolment attendance timesheet payroll
    payslip salary wage token device notification cart basket wishlist loan contract policy registration referral
    interaction record paymentmethod creditcard card bankaccount checkin ping conversation thread interview absence
    sanction measurement vital vaccination admission statement journal bestellung auftrag rechnung zahlung buchung
    termin nachricht kommentar bewertung protokoll befund diagnose verordnung rezept vertrag ausleihe anfrage
    beschwerde sitzung gehalt mahnung forderung ergebnis mandat spende kontoauszug spielplan aenderung anderung
    abwesenheit krankmeldung lohnabrechnung commande facture paiement rendezvous commentaire avis visite contrat
    pret absence bulletin retard sanction inscription consultation ordonnance bulletinpaie pedido factura pago
    reserva cita mensaje comentario nomina contrato prestamo venta recibo poliza siniestro lesion cuestionario
    ausencia matriculacion ordine fattura pagamento prenotazione appuntamento messaggio commento recensione
    contratto prestito assenza bestelling factuur betaling boeking afspraak bericht verzuim verzuimmelding polis
    mutatie encomenda fatura consulta mensagem venda compra pagamento nota avaliacao entrega zamowienie faktura
    platnosc wizyta wiadomosc umowa reklamacja bestallning betalning bokning ordre betaling besog tilaus lasku
    varaus objednavka platba rezervace zprava siparis fatura odeme randevu mesaj"""
)
CATALOGUE = vocabulary(
    """country city state region province county district currency language locale category genre product item article
    film movie book song album track artist band brand model title course subject department unit type status role
    permission tag topic color colour size plan price tariff tax vat setting config configuration migration feature
    version translation template page menu option reason code lookup reference material medication drug disease
    diagnosecatalog icd territory zone timezone holiday calendar attribute property parameter media playlist
    inventory stock ingredient recipe species group team league season stadium position shift skill game schema
    station airport airline aircraft flight route land ort stadt bundesland kreis wahrung sprache kategorie produkt
    artikel buch marke abteilung rolle berechtigung einstellung medikament arzneimittel fachrichtung katalog typ art
    preis steuer leistung kurs fach raum liga plan geraet gerat anrede beitragsart verzeichnis schlussel schluessel
    feld zusatzfeld pays ville langue categorie produit livre marque matiere cours classe reglage devise medicament
    salle pais ciudad provincia municipio idioma categoria producto libro marca asignatura curso departamento moneda
    medicamento ajuste tarifa baremo cobertura modelo parentesco profesion paese citta lingua prodotto materia corso
    reparto valuta farmaco impostazione stad taal boek merk vak cursus afdeling instelling medicijn tarief cidade
    estado produto livro disciplina turma moeda kategoria produkt ksiazka marka kurs przedmiot kraj miasto
    wojewodztwo jezyk waluta cennik zeme mesto jazyk mena kniha znacka ulke sehir dil urun kitap marka ders flag
    featureflag geofence firmware sensor sensortype scanner equipment machine asset part spare dish room"""
)
KINDS_OF_THINGS = vocabulary(
    """type typ tipo kind status role rolle katalog catalog catalogue lookup template setting config category list
    group cat lkp lkup lu dim enum verzeichnis catalogo soort slownik ciselnik plan tabelle flag tariff tarifa"""
)
IDENTITY = vocabulary(
    """birthdate dateofbirth dob birthday birthyear yearofbirth birthplace placeofbirth gender sex maritalstatus
    nationality citizenship ssn socialsecuritynumber nationalid passportnumber passportno maidenname religion
    geburtsdatum geburtstag geburtdatum gebdat gebdatum gebdt geburtsjahr geburtsort geschlecht familienstand
    staatsangehorigkeit staatsangehoerigkeit geburtsname svnr sozialversicherungsnummer konfession
    datenaissance datedenaissance naissance lieunaissance sexe situationfamiliale nationalite nomdenaissance numsecu
    fechanacimiento fechadenacimiento nacimiento lugarnacimiento sexo estadocivil nacionalidad dni nif curp
    datanascita dtnascita nascita luogonascita luogonasc sesso statocivile cittadinanza codicefiscale codfisc
    geboortedatum geboorteplaats geslacht burgerlijkestaat nationaliteit bsn meisjesnaam
    datanascimento dtnascimento dtnasc nascimento naturalidade estadocivil nacionalidade cpf nomemae
    dataurodzenia dataur miejsceurodzenia plec pesel stancywilny nazwiskorodowe
    fodselsdato fodelsedatum fodested kjonn kon personnummer fodselsnummer cprnummer syntymaaika sukupuoli hetu
    datumnarozeni mistonarozeni pohlavi rodnecislo rodinnystav dogumtarihi dogumyeri cinsiyet tckimlik medenihal"""
)
"""Columns that only people have. Two of them make a table one of people, whatever it is called."""
CONTACT = vocabulary(
    """email emailaddress mail phone phonenumber telephone tel telefon telefono telf tlf telefone telefoon mobile mobil
    movil cellulare celular gsm handy iban address street strasse calle rue via rua straat ulica adresse direccion
    indirizzo endereco adres postcode postalcode zip zipcode plz cp codigopostal codpostal cep salutation anrede
    civilite titel title apellidos"""
)
"""Columns that people and organisations have."""

PERSON_NUMBERS = vocabulary(
    """ssn socialsecuritynumber nationalid mrn medicalrecordnumber patientnumber membernumber employeenumber
    studentnumber nif dni nie curp cpf bsn pesel personnummer fodselsnummer cprnummer codicefiscale codfisc
    rodnecislo tckimlik kvnr svnr numsecu matricula matricule passportnumber"""
)
"""Columns that lead to a person wherever they stand."""
