-- A group of inns and its club, in the style of a web framework; Scandinavian and Polish tables beside English ones. All people are made up.
CREATE TABLE properties (id serial PRIMARY KEY, name text, street text, city text, phone text, email text, stars smallint, opened_on date, lat numeric, lng numeric);
CREATE TABLE rooms (id serial PRIMARY KEY, property_id int REFERENCES properties, room_no text, floor int, view text, name text);
CREATE TABLE guests (id serial PRIMARY KEY, salutation text, given_names text, surname text, contact_email text, mobile_no text, nationality_code char(2), passport_no text, passport_expires_on date,
    date_of_birth date, loyalty_no text, vip boolean, diet_notes text, marketing_opt_in boolean, home_address jsonb, created_at timestamptz, updated_at timestamptz);
CREATE TABLE reservations (id serial PRIMARY KEY, guest_id int REFERENCES guests, room_id int REFERENCES rooms, arrives_on date, departs_on date, source text, special_requests text, booked_by text,
    confirmation_code text UNIQUE, created_at timestamptz, updated_at timestamptz);
CREATE TABLE companions (id serial PRIMARY KEY, reservation_id int REFERENCES reservations, full_name text, age int, relationship text);
CREATE TABLE folio_items (id serial PRIMARY KEY, reservation_id int REFERENCES reservations, description text, amount_cents int, posted_at timestamptz, created_at timestamptz, updated_at timestamptz);
CREATE TABLE housekeepers (id serial PRIMARY KEY, first text, last text, hourly_rate numeric, badge text, emergency_phone text, started_on date, bank_iban text, created_at timestamptz, updated_at timestamptz);
CREATE TABLE shifts (id serial PRIMARY KEY, housekeeper_id int REFERENCES housekeepers, starts_at timestamptz, ends_at timestamptz, sick boolean, remark text);
CREATE TABLE dishes (id serial PRIMARY KEY, name text, description text, price_cents int, allergens text[], chef_name text);
CREATE TABLE partners (id serial PRIMARY KEY, company text, vat_id text, contact text, contact_mail text, commission_percent numeric, website text);
CREATE TABLE kunder (id serial PRIMARY KEY, fornamn text, efternamn text, personnummer text, gatuadress text, postnummer text, ort text, telefonnummer text, epost text);
CREATE TABLE klienci (id serial PRIMARY KEY, imie text, nazwisko text, pesel text, ulica text, kod_pocztowy text, miasto text, telefon text, data_urodzenia date);
CREATE TABLE web_hits (id bigserial PRIMARY KEY, visitor uuid, ip text, ua text, referer text, url text, at timestamptz);
CREATE TABLE chat (id serial PRIMARY KEY, thread_id int, sender text, sender_kind text, msg text, sent_at timestamptz);
CREATE TABLE settings (k text PRIMARY KEY, v text);
CREATE TABLE countries (code char(2) PRIMARY KEY, name text, nationality text);
CREATE FUNCTION pick(list text[], seed bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT list[1 + abs(hashint8extended(seed, 19)) % cardinality(list)] $$;
CREATE FUNCTION g(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['Astrid','Kofi','Małgorzata','Ingemar','Fiona','Zbigniew','Amélie','Rajesh','Solveig','Jadwiga','Tom','Nadia'], i * 3) $$;
CREATE FUNCTION h(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['Lindqvist','Mensah','Wójcik','Bergström','Campbell','Zieliński','Roux','Iyer','Haugen','Kamińska','Okoro','Fitzgerald'], i * 5) $$;
INSERT INTO countries VALUES ('SE','Sweden','Swedish'),('PL','Poland','Polish'),('GH','Ghana','Ghanaian');
INSERT INTO properties SELECT i, pick(ARRAY['The Anchor','Rose Cottage','Hotel Victoria'], i) || ' ' || i, i || ' Harbour Road', 'Visby', '+46 498 20 0' || 100 + i, 'desk' || i || '@inns.example', 3, '1990-01-01', 57.6, 18.3 FROM generate_series(1, 8) i;
INSERT INTO rooms SELECT i, 1 + i % 8, (100 + i)::text, i % 4, pick(ARRAY['sea','yard'], i), pick(ARRAY['Charlotte Suite','Green Room'], i) FROM generate_series(1, 80) i;
INSERT INTO guests SELECT i, pick(ARRAY['Ms','Mr'], i), g(i), h(i), lower(translate(g(i), 'łéć', 'lec')) || i || '@mail.example', '+44 7700 ' || 900000 + i, pick(ARRAY['SE','PL','GH'], i), 'P' || 1000000 + i, '2031-01-01', date '1950-01-01' + i * 37, 'CLUB' || 5000 + i, false, CASE WHEN i % 4 = 0 THEN 'coeliac, no nuts' END, true,
    jsonb_build_object('line1', i || ' Mill Lane', 'town', 'Leeds', 'zip', 'LS' || i % 20 || ' 1AB'), now(), now() FROM generate_series(1, 400) i;
INSERT INTO reservations SELECT i, 1 + i % 400, 1 + i % 80, date '2025-01-01' + i, date '2025-01-03' + i, pick(ARRAY['web','phone'], i), CASE WHEN i % 3 = 0 THEN 'Late arrival, please call ' || g(i) || ' before ten' END, pick(ARRAY['web', 'desk'], i), upper(substr(md5(i::text), 1, 6)) || i, now(), now() FROM generate_series(1, 600) i;
INSERT INTO companions SELECT i, i, g(i + 1) || ' ' || h(i), i % 80, pick(ARRAY['spouse','child'], i) FROM generate_series(1, 300) i;
INSERT INTO folio_items SELECT i, 1 + i % 600, pick(ARRAY['Minibar','Dinner for two','Parking'], i), i * 100, now(), now(), now() FROM generate_series(1, 800) i;
INSERT INTO housekeepers SELECT i, g(i), h(i), 14 + i % 5, 'HK' || i, '+46 70 123 ' || 4000 + i, date '2019-01-01' + i, NULL, now(), now() FROM generate_series(1, 40) i;
INSERT INTO shifts SELECT i, 1 + i % 40, now(), now(), i % 9 = 0, CASE WHEN i % 5 = 0 THEN 'Left early because her daughter was ill' END FROM generate_series(1, 300) i;
INSERT INTO dishes SELECT i, pick(ARRAY['Caesar salad','Victoria sponge','Herring plate'], i) || ' ' || i, 'Served with rye bread and a slice of lemon.', 900, ARRAY['gluten'], g(i) || ' ' || h(i) FROM generate_series(1, 40) i;
INSERT INTO partners SELECT i, 'Reisen ' || i || ' GmbH', 'DE' || 100000000 + i, g(i) || ' ' || h(i), 'kontakt' || i || '@reisen.example', 10, 'https://reisen' || i || '.example' FROM generate_series(1, 30) i;
INSERT INTO kunder SELECT i, g(i), h(i), '19' || 500101 + i || '-' || 1000 + i, 'Storgatan ' || i, '621 ' || 10 + i % 80, 'Visby', '0498-' || 200000 + i, 'k' || i || '@post.example' FROM generate_series(1, 100) i;
INSERT INTO klienci SELECT i, g(i), h(i), (50010112345 + i)::text, 'ul. Długa ' || i, '00-' || 100 + i, 'Warszawa', '22 ' || 6000000 + i, date '1950-01-01' + i FROM generate_series(1, 100) i;
INSERT INTO web_hits SELECT i, gen_random_uuid(), '203.0.113.' || i % 250, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)', 'https://search.example/', '/rooms/' || i, now() FROM generate_series(1, 500) i;
INSERT INTO chat SELECT i, i / 5, CASE WHEN i % 2 = 0 THEN g(i) ELSE 'bot' END, pick(ARRAY['guest','bot'], i), 'Hello, is there a cot in the room for our baby?', now() FROM generate_series(1, 300) i;
INSERT INTO settings VALUES ('currency', 'SEK'), ('checkout', '11:00');
ANALYZE;
