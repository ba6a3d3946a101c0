-- A personnel office and a school in several languages: Spanish, French, Italian, Dutch, Portuguese. All people are made up.
CREATE TABLE departamento (id int PRIMARY KEY, nombre text NOT NULL, presupuesto numeric, ubicacion text);
CREATE TABLE empleado (id int PRIMARY KEY, num_empleado text UNIQUE, nombre text, apellido1 text, apellido2 text, dni text UNIQUE, nss text,
    fecha_nacimiento date, sexo char(1) CHECK (sexo IN ('H', 'M')), estado_civil text, domicilio text, cod_postal text, poblacion text, provincia text,
    tlf_movil text, correo text, salario numeric(10,2), fecha_alta date, cargo text, foto bytea, departamento_id int REFERENCES departamento,
    jefe_id int REFERENCES empleado, minusvalia boolean, observaciones text, fecha_modificacion timestamptz);
CREATE TABLE nomina (id int PRIMARY KEY, empleado_id int REFERENCES empleado, mes date, bruto numeric, neto numeric, cuenta_bancaria text);
CREATE TABLE eleve (id int PRIMARY KEY, matricule text UNIQUE, nom text, prenom text, date_naissance date, lieu_naissance text, sexe text, adresse text,
    code_postal text, ville text, nom_mere text, tel_parent text, courriel text, allergies text, num_secu text);
CREATE TABLE matiere (id int PRIMARY KEY, libelle text, coefficient int);
CREATE TABLE note (eleve_id int REFERENCES eleve, matiere_id int REFERENCES matiere, valeur numeric, appreciation text, PRIMARY KEY (eleve_id, matiere_id));
CREATE TABLE utente (id int PRIMARY KEY, nome text, cognome text, codice_fiscale char(16) UNIQUE, data_nascita date, luogo_nascita text, indirizzo text, cap text,
    citta text, cellulare text, posta_elettronica text, parola_chiave text);
CREATE TABLE prodotto (id int PRIMARY KEY, nome text, descrizione text, prezzo numeric);
CREATE TABLE klant (id int PRIMARY KEY, voornaam text, tussenvoegsel text, achternaam text, geboortedatum date, straatnaam text, huisnummer text, postcode text,
    woonplaats text, mobiel text, emailadres text, bsn text, rekeningnummer text, opmerkingen text);
CREATE TABLE aluno (id int PRIMARY KEY, nome_completo text, cpf text, rg text, data_nascimento date, endereco text, bairro text, cidade text, cep text, telefone text,
    email text, nome_pai text, religiao text, criado_em timestamptz, atualizado_em timestamptz);
CREATE TABLE curso (id int PRIMARY KEY, nome text, descricao text, criado_em timestamptz, atualizado_em timestamptz);
CREATE TABLE turma (id int PRIMARY KEY, codigo text, sala text, criado_em timestamptz, atualizado_em timestamptz);
CREATE FUNCTION pick(list text[], seed bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT list[1 + abs(hashint8extended(seed, 13)) % cardinality(list)] $$;
CREATE FUNCTION f(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['Lucía','Íñigo','Camille','Giuseppe','Femke','João','Montserrat','Thibault',
    'Chiara','Sander','Beatriz','Ximena','Gwenaëlle','Matteo','Jeroen','Iracema','Pilar','Mathis','Concetta','Maartje','Thiago'], i * 3) $$;
CREATE FUNCTION l(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['García','Etxeberria','Lefèvre','Esposito','Jansen','Carvalho','Fernández','Dubois',
    'Russo','Bakker','Figueiredo','Goñi','Le Goff','Colombo','van den Berg','Nascimento','Moreau'], i * 5) $$;
INSERT INTO departamento SELECT i, pick(ARRAY['Ventas','Compras','Almacén','Finanzas'], i), i * 1000, 'Planta ' || i FROM generate_series(1, 6) i;
INSERT INTO empleado SELECT i, 'E' || 1000 + i, f(i), l(i), l(i + 1), lpad((i * 7919 % 100000000)::text, 8, '0') || substr('TRWAGMYFPDXBNJZSQVHLCKE', 1 + (i * 7919 % 100000000) % 23, 1), lpad((i * 104729)::text, 12, '28'),
    date '1958-03-01' + i * 31, pick(ARRAY['H','M'], i), pick(ARRAY['soltero','casado'], i), pick(ARRAY['Calle Mayor','Avda. de la Paz','Plaza Nueva'], i) || ', ' || i % 40, lpad((28001 + i)::text, 5, '0'), pick(ARRAY['Getafe','Bilbao','Vigo'], i), pick(ARRAY['Madrid','Vizcaya'], i),
    '6' || 10000000 + i * 731, lower(translate(f(i), 'íÍñãëé', 'iInaee')) || i || '@empresa.example', 1500 + i, date '2005-01-01' + i * 9, pick(ARRAY['Técnico','Jefa de ventas'], i), NULL, 1 + i % 6, NULL, i % 20 = 0, CASE WHEN i % 4 = 0 THEN 'Baja médica en marzo, avisar a ' || f(i) || ' ' || l(i) END, now() FROM generate_series(1, 300) i;
INSERT INTO nomina SELECT i, 1 + i % 300, date '2025-01-01' + i % 300, 1800 + i, 1400 + i, 'ES' || lpad((98 - (('21000418450200' || 100000 + i || '142800')::numeric % 97))::text, 2, '0') || '21000418450200' || 100000 + i FROM generate_series(1, 300) i;
INSERT INTO eleve SELECT i, 'M' || 5000 + i, upper(l(i)), f(i), date '2008-01-01' + i * 3, pick(ARRAY['Lyon','Brest','Nantes'], i), pick(ARRAY['F','M'], i), i % 60 || ' rue des ' || pick(ARRAY['Lilas','Acacias'], i), lpad((69001 + i)::text, 5, '0'), pick(ARRAY['Lyon','Rennes'], i), l(i + 2), '06 12 34 ' || lpad((i % 100)::text, 2, '0') || ' 11', lower(translate(f(i), 'íÍñãëé', 'iInaee')) || i || '@exemple.example', CASE WHEN i % 9 = 0 THEN 'arachides' END, '1' || lpad((i * 7919 % 100000000000)::text, 12, '08') || '21' FROM generate_series(1, 300) i;
INSERT INTO matiere VALUES (1, 'Mathématiques', 4), (2, 'Histoire', 2), (3, 'Anglais', 3);
INSERT INTO note SELECT 1 + i % 300, 1 + i % 3, i % 20, 'Bon trimestre, ' || f(i) || ' doit participer davantage.' FROM generate_series(1, 300) i ON CONFLICT DO NOTHING;
INSERT INTO utente SELECT i, f(i), l(i), 'RSSMRA' || lpad((i % 100)::text, 2, '0') || 'A' || lpad((i % 70 + 1)::text, 2, '0') || 'H' || lpad((i + 100)::text, 3, '0') || 'Z', date '1960-01-01' + i * 20, 'Napoli', 'Via ' || pick(ARRAY['Garibaldi','Roma'], i) || ' ' || i % 90, lpad((80100 + i)::text, 5, '0'), pick(ARRAY['Napoli','Bari'], i), '3' || 330000000 + i * 977, 'u' || i || '@posta.example', encode(sha256(i::text::bytea), 'hex') FROM generate_series(1, 300) i;
INSERT INTO prodotto SELECT i, 'Pasta Barilla ' || i, 'Trafilata al bronzo, cottura in nove minuti, confezione da mezzo chilo.', i FROM generate_series(1, 80) i;
INSERT INTO klant SELECT i, f(i), pick(ARRAY['van','de',''], i), l(i), date '1970-01-01' + i * 11, pick(ARRAY['Dorpsstraat','Kerkweg'], i), (i % 80)::text, 1000 + i || ' AB', pick(ARRAY['Zwolle','Delft'], i), '06-' || 10000000 + i * 17, 'k' || i || '@voorbeeld.example', lpad((i * 7919)::text, 9, '1'), NULL, NULL FROM generate_series(1, 300) i;
INSERT INTO aluno SELECT i, f(i) || ' ' || l(i) || ' ' || l(i + 1), lpad((i * 7919)::text, 9, '3') || '-' || lpad((i % 100)::text, 2, '0'), lpad((i * 31)::text, 8, '4'), date '2003-01-01' + i, 'Rua das Flores, ' || i % 300, 'Centro', pick(ARRAY['Recife','Olinda'], i), '50' || lpad((i % 1000)::text, 3, '0') || '-000', '(81) 9' || 8000000 + i * 7, 'a' || i || '@exemplo.example', f(i + 4) || ' ' || l(i), pick(ARRAY['católica','nenhuma','evangélica'], i), now(), now() FROM generate_series(1, 300) i;
INSERT INTO curso SELECT i, 'Engenharia ' || i, 'Curso de cinco anos em regime diurno com estágio obrigatório.', now(), now() FROM generate_series(1, 12) i;
INSERT INTO turma SELECT i, 'T-' || i, 'Sala ' || i, now(), now() FROM generate_series(1, 30) i;
ANALYZE;
