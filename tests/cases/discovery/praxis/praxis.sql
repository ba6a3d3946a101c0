-- A medical practice in Germany, as its own software keeps it. All people are made up.
CREATE DOMAIN email_adresse AS text CHECK (VALUE ~ '@');
CREATE TYPE geschlecht AS ENUM ('weiblich', 'männlich', 'divers', 'unbekannt');
CREATE TYPE terminstatus AS ENUM ('geplant', 'erschienen', 'abgesagt');

CREATE TABLE land (kuerzel char(2) PRIMARY KEY, bezeichnung text NOT NULL);
CREATE TABLE krankenkasse (ik_nummer char(9) PRIMARY KEY, bezeichnung text NOT NULL, strasse text, plz text, ort text,
    telefon text, ist_gesetzlich boolean NOT NULL);
CREATE TABLE fachrichtung (id smallint PRIMARY KEY, bezeichnung text NOT NULL, beschreibung text);
CREATE TABLE arzt (id serial PRIMARY KEY, anrede text, titel text, vorname text NOT NULL, nachname text NOT NULL,
    fachrichtung_id smallint REFERENCES fachrichtung, lanr char(9) UNIQUE, durchwahl text, unterschrift bytea,
    eingetreten_am date);
COMMENT ON COLUMN arzt.lanr IS 'Lebenslange Arztnummer';
CREATE TABLE patient (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, patientennummer text NOT NULL UNIQUE,
    anrede text, vorname text NOT NULL, nachname text NOT NULL, geburtsname text, geburtsdatum date NOT NULL,
    geschlecht geschlecht NOT NULL, strasse text, hausnummer text, plz char(5), ort text, land char(2) REFERENCES land,
    telefonnummern text[], mail email_adresse, versichertennr char(10) UNIQUE,
    kasse char(9) REFERENCES krankenkasse, hausarzt integer REFERENCES arzt, groesse_cm smallint, gewicht_kg numeric(5,1),
    raucher boolean, kontakt jsonb, bemerkung text, suchname text GENERATED ALWAYS AS (lower(nachname)) STORED,
    ist_aktiv boolean NOT NULL DEFAULT true, angelegt_am timestamptz NOT NULL, geaendert_am timestamptz NOT NULL);
CREATE TABLE medikament (pzn char(8) PRIMARY KEY, handelsname text NOT NULL, wirkstoff text, hersteller text,
    preis numeric(8,2), beschreibung text);
CREATE TABLE diagnose_katalog (icd10 text PRIMARY KEY, bezeichnung text NOT NULL);
CREATE TABLE termin (id bigint GENERATED ALWAYS AS IDENTITY, patient_id bigint NOT NULL REFERENCES patient,
    arzt_id integer NOT NULL REFERENCES arzt, beginn timestamptz NOT NULL, dauer_minuten smallint NOT NULL,
    status terminstatus NOT NULL, notiz text, PRIMARY KEY (id, beginn)) PARTITION BY RANGE (beginn);
CREATE TABLE termin_2024 PARTITION OF termin FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE termin_2025 PARTITION OF termin FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE befund (id bigserial PRIMARY KEY, patient_id bigint NOT NULL REFERENCES patient,
    icd10 text REFERENCES diagnose_katalog, befundtext text, blutdruck_sys smallint, laborwerte jsonb,
    erhoben_am date NOT NULL);
CREATE TABLE verordnung (id bigserial PRIMARY KEY, befund_id bigint NOT NULL REFERENCES befund,
    pzn char(8) NOT NULL REFERENCES medikament, menge smallint NOT NULL, dosierung text);
CREATE TABLE rechnung (id bigserial PRIMARY KEY, rechnungsnummer text NOT NULL UNIQUE, patient_id bigint REFERENCES patient,
    betrag numeric(10,2) NOT NULL, rechnungsdatum date NOT NULL, kontoinhaber text, iban text, bic text, bezahlt boolean);
CREATE TABLE benutzer (id serial PRIMARY KEY, anmeldename text NOT NULL UNIQUE, kennwort text NOT NULL,
    mail email_adresse, rolle text NOT NULL, letzte_anmeldung timestamptz, letzte_ip inet);
CREATE TABLE zugriffsprotokoll (id bigserial PRIMARY KEY, benutzer_id integer REFERENCES benutzer, ip inet, browser text,
    pfad text, zeitpunkt timestamptz NOT NULL);
CREATE TABLE einstellung (schluessel text PRIMARY KEY, wert text, geaendert_am timestamptz);
CREATE VIEW patientenliste AS SELECT vorname, nachname FROM patient;

CREATE FUNCTION pick(list text[], seed bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT list[1 + abs(hashint8extended(seed, 7)) % cardinality(list)] $$;
CREATE FUNCTION vn(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['Lena','Jürgen','Ayşe','Hans-Peter',
    'Sabine','Mehmet','Friederike','Uwe','Katharina','Bogdan','Annegret','Detlef','Svetlana','Holger','Ilse','Torsten','Nele',
    'Rüdiger','Gudrun','Malte','Heike','Björn','Waltraud','Cem','Ursula','Gerhard','Marlies','Olaf','Theresa','Kevin'], i * 3) $$;
CREATE FUNCTION nn(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['Müller','Öztürk','Schmidt-Rottluff',
    'Krause','Wiśniewski','Brandt','von der Heide','Lehmann','Petrenko','Hoffmann','Aydın','Kühn','Seidel','Przybylski','Vogt',
    'Ziegler','Thomsen','Demir','Pohlmann','Arnold','Graf','Scholz','Busch','Hartwig','Niehoff'], i * 5) $$;
INSERT INTO land VALUES ('DE','Deutschland'),('AT','Österreich'),('CH','Schweiz'),('TR','Türkei'),('PL','Polen');
INSERT INTO krankenkasse SELECT 100000000 + i, pick(ARRAY['AOK Nord','Techniker','Barmer','IKK Südwest','Debeka'], i) || ' ' || i,
    'Kassenplatz ' || i, lpad((20000 + i * 7)::text, 5, '0'), 'Hamburg', '040 ' || 100000 + i * 37, i % 4 > 0 FROM generate_series(1, 12) i;
INSERT INTO fachrichtung VALUES (1,'Allgemeinmedizin','Hausärztliche Versorgung'),(2,'Innere Medizin','Innere Organe'),(3,'Orthopädie',NULL);
INSERT INTO arzt (anrede, titel, vorname, nachname, fachrichtung_id, lanr, durchwahl, unterschrift, eingetreten_am)
    SELECT pick(ARRAY['Frau','Herr'], i), 'Dr. med.', vn(i), nn(i), 1 + i % 3, lpad((i * 7919 + 100000000)::text, 9, '0'),
    (200 + i)::text, '\x89504e470d0a'::bytea, date '2010-01-01' + i * 97 FROM generate_series(1, 9) i;
INSERT INTO patient (patientennummer, anrede, vorname, nachname, geburtsname, geburtsdatum, geschlecht, strasse, hausnummer, plz,
    ort, land, telefonnummern, mail, versichertennr, kasse, hausarzt, groesse_cm, gewicht_kg, raucher, kontakt, bemerkung,
    ist_aktiv, angelegt_am, geaendert_am)
    SELECT 'P-' || 40000 + i, pick(ARRAY['Frau','Herr',''], i), vn(i), nn(i), CASE WHEN i % 4 = 0 THEN nn(i + 1) END,
    date '1931-05-01' + (abs(hashint8extended(i, 1)) % 32000)::int,
    pick(ARRAY['weiblich','männlich','weiblich','männlich','divers','unbekannt'], i)::geschlecht,
    pick(ARRAY['Lindenallee','Am Markt','Bahnhofstraße','Goethestr.','Kirchweg','Hafenstraße','Zur Mühle'], i * 11),
    1 + i % 90 || pick(ARRAY['','a',''], i), lpad((1067 + i * 83)::text, 5, '0'), pick(ARRAY['Kiel','Lübeck','Plön','Eutin','Husum'], i),
    pick(ARRAY['DE','DE','DE','AT','TR'], i),
    ARRAY['+49 431 ' || 500000 + i * 13, '0171/' || 2000000 + i * 31], lower(vn(i)) || i || '@' || pick(ARRAY['web.de','gmx.de','posteo.de'], i),
    'A' || lpad((i * 104729 % 1000000000)::text, 9, '0'), 100000001 + i % 12, 1 + i % 9, 150 + i % 45, 50 + i % 60, i % 5 = 0,
    jsonb_build_object('notfall', jsonb_build_object('name', vn(i + 3) || ' ' || nn(i), 'telefon', '0431 ' || 700000 + i),
        'sprache', pick(ARRAY['de','tr','pl'], i), 'newsletter', i % 2 = 0),
    CASE WHEN i % 3 = 0 THEN 'Ruft meist vormittags an, Tochter ' || vn(i + 9) || ' ' || nn(i) || ' holt ab.' END,
    i % 7 > 0, timestamptz '2019-01-01' + i * interval '1 day', timestamptz '2025-01-01' + i * interval '1 hour'
    FROM generate_series(1, 800) i;
INSERT INTO medikament SELECT lpad((i * 1009)::text, 8, '0'), pick(ARRAY['Ramilich','Metohexal','Ibuflam','Pantopra','Tilidura'], i) || ' ' || i * 5,
    pick(ARRAY['Ramipril','Metoprolol','Ibuprofen','Pantoprazol','Tilidin'], i), pick(ARRAY['Hexal AG','Ratiopharm GmbH','Stada'], i), i * 1.1,
    'Filmtabletten zum Einnehmen, bitte Packungsbeilage beachten.' FROM generate_series(1, 60) i;
INSERT INTO diagnose_katalog SELECT chr(65 + i % 26) || lpad((i % 90)::text, 2, '0') || '.' || i % 10, 'Erkrankung der Gruppe ' || i FROM generate_series(1, 120) i ON CONFLICT DO NOTHING;
INSERT INTO termin (patient_id, arzt_id, beginn, dauer_minuten, status, notiz) SELECT 1 + i % 800, 1 + i % 9,
    timestamptz '2024-02-01' + i * interval '7 hours', 15, pick(ARRAY['geplant','erschienen','abgesagt'], i)::terminstatus,
    CASE WHEN i % 6 = 0 THEN 'Kommt mit Begleitung, bitte Herrn ' || nn(i) || ' anrufen' END FROM generate_series(1, 2000) i;
INSERT INTO befund (patient_id, icd10, befundtext, blutdruck_sys, laborwerte, erhoben_am) SELECT 1 + i % 800,
    (SELECT icd10 FROM diagnose_katalog ORDER BY icd10 OFFSET i % 100 LIMIT 1),
    'Patientin klagt über Schmerzen seit ' || i % 9 || ' Tagen; Frau ' || nn(i) || ' nimmt keine Mittel.', 110 + i % 60,
    jsonb_build_object('crp', i % 20, 'hb', 12 + i % 4), date '2024-01-01' + i % 500 FROM generate_series(1, 900) i;
INSERT INTO verordnung (befund_id, pzn, menge, dosierung) SELECT i, lpad(((1 + i % 60) * 1009)::text, 8, '0'), 1 + i % 3, '1-0-1' FROM generate_series(1, 600) i;
INSERT INTO rechnung (rechnungsnummer, patient_id, betrag, rechnungsdatum, kontoinhaber, iban, bic, bezahlt) SELECT 'R2024-' || i,
    1 + i % 800, 20 + i % 300, date '2024-01-01' + i % 600, vn(i) || ' ' || nn(i),
    'DE' || lpad((98 - ((lpad((21050170000 + i)::text, 18, '3') || '131400')::numeric % 97))::text, 2, '0') || lpad((21050170000 + i)::text, 18, '3'),
    'NOLADE21KIE', i % 3 > 0 FROM generate_series(1, 500) i;
INSERT INTO benutzer (anmeldename, kennwort, mail, rolle, letzte_anmeldung, letzte_ip) SELECT left(lower(vn(i)), 2) || i || 'nord',
    '$2b$12$' || left(encode(sha256(i::text::bytea), 'base64'), 22) || 'abcdefghijklmnopqrstuvwxyz01234', 'praxis' || i || '@example.de',
    pick(ARRAY['arzt','empfang','admin'], i), now() - i * interval '1 hour', ('192.168.7.' || i)::inet FROM generate_series(1, 14) i;
INSERT INTO zugriffsprotokoll (benutzer_id, ip, browser, pfad, zeitpunkt) SELECT 1 + i % 14, ('192.168.7.' || i % 200)::inet,
    'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/' || 100 + i % 30, '/patient/' || i, now() - i * interval '1 minute' FROM generate_series(1, 700) i;
INSERT INTO einstellung VALUES ('farbschema','hell',now()),('sprechzeiten','8-12',now()),('version','4.1',now());
ANALYZE;
