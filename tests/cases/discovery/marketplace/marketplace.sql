-- A marketplace, as an object-relational mapper with camel case makes it. All people are made up.
CREATE SCHEMA shop;
CREATE SCHEMA audit;
CREATE TABLE shop."Countries" ("isoCode" char(2) PRIMARY KEY, "name" text NOT NULL, "phonePrefix" text);
CREATE TABLE shop."Categories" (id serial PRIMARY KEY, name text NOT NULL, slug text UNIQUE, "parentId" int REFERENCES shop."Categories");
CREATE TABLE shop."Users" (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), handle text UNIQUE NOT NULL, "emailAddress" text UNIQUE NOT NULL,
    "emailVerified" boolean NOT NULL, "passwordDigest" text NOT NULL, "displayName" text, "dob" date, "mobile" varchar(20) UNIQUE,
    "avatarUrl" text, "ssnLast4" char(4), "twitterHandle" text, "locale" text, "timeZone" text, "resetToken" text,
    "loginCount" int, "lastSeenAt" timestamptz, "preferences" jsonb, "stripeCustomerId" text, "nationality" text,
    "maritalStatus" text, "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE shop."UserAddresses" (id bigserial PRIMARY KEY, "userId" uuid REFERENCES shop."Users", label text, "fullName" text,
    "line1" text, "line2" text, town text, county text, "postCode" varchar(12), "countryCode" char(2) REFERENCES shop."Countries",
    lat double precision, lng double precision, "isDefault" boolean, "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE shop."Vendors" (id serial PRIMARY KEY, "legalName" text NOT NULL, "vatNumber" text, website text, "supportEmail" text,
    "contactPerson" text, "ratingAverage" numeric, "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE shop."Products" (id serial PRIMARY KEY, sku text UNIQUE, title text NOT NULL, brand text, description text, price numeric(10,2),
    "imageUrl" text, "vendorId" int REFERENCES shop."Vendors", "categoryId" int REFERENCES shop."Categories", attributes jsonb,
    tags text[], "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE shop."Orders" (id bigserial PRIMARY KEY, "orderNumber" text UNIQUE, "buyerId" uuid REFERENCES shop."Users", "placedAt" timestamptz,
    "shipTo" text, "shipStreet" text, "shipCity" text, "shipZip" text, "giftMessage" text, status text, "totalCents" int, currency char(3),
    "couponCode" text, "clientIp" text, "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE shop."OrderItems" ("orderId" bigint REFERENCES shop."Orders", "productId" int REFERENCES shop."Products", quantity int, "unitPrice" numeric,
    PRIMARY KEY ("orderId", "productId"));
CREATE TABLE shop."PaymentMethods" (id bigserial PRIMARY KEY, "userId" uuid REFERENCES shop."Users", brand text, "cardholder" text, "pan" text,
    "cvv" text, "expMonth" smallint, "expYear" smallint, iban text, "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE shop."Reviews" (id bigserial PRIMARY KEY, "productId" int REFERENCES shop."Products", "authorHandle" text REFERENCES shop."Users" (handle),
    stars smallint, body text, "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE shop."Messages" (id bigserial PRIMARY KEY, "fromUser" uuid REFERENCES shop."Users", "toUser" uuid REFERENCES shop."Users", subject text,
    body text, "sentAt" timestamptz);
CREATE TABLE shop."Sessions" (sid text PRIMARY KEY, "userId" uuid REFERENCES shop."Users", "userAgent" text, "remoteAddr" inet, expires timestamptz);
CREATE TABLE audit.events (id bigserial PRIMARY KEY, occurred_at timestamptz, actor text, action text, payload jsonb);
CREATE TABLE audit.schema_migrations (version text PRIMARY KEY);
CREATE FUNCTION pick(list text[], seed bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT list[1 + abs(hashint8extended(seed, 11)) % cardinality(list)] $$;
CREATE FUNCTION given(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['Olivia','Tyrone','Mei','Priya','Liam','Siobhan','Kwame',
    'Grace','Dmitri','Aaliyah','Gareth','Chloe','Hiroshi','Beth','Diego','Imogen','Rashid','Poppy','Callum','Zainab','Noah','Esther'], i * 3) $$;
CREATE FUNCTION surname(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pick(ARRAY['Okafor','Smith','Nguyen','O''Brien','Patel','Whitfield','Garcia',
    'Kaur','MacLeod','Jones','Ivanova','Adeyemi','Thompson','Lee','Featherstone','Hussain','Walker','Tanaka','Byrne'], i * 5) $$;
INSERT INTO shop."Countries" VALUES ('GB','United Kingdom','+44'),('IE','Ireland','+353'),('US','United States','+1');
INSERT INTO shop."Categories" SELECT i, pick(ARRAY['Garden','Kitchen','Toys','Books','Sport'], i) || ' ' || i, 'cat-' || i, NULL FROM generate_series(1, 30) i;
INSERT INTO shop."Users" SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, lower(given(i)) || '_' || i, lower(given(i) || '.' || replace(surname(i), '''', '')) || i || '@' || pick(ARRAY['example.com','mail.example','example.org'], i),
    i % 3 > 0, 'pbkdf2_sha256$260000$' || substr(md5(i::text), 1, 12) || '$' || encode(sha256(i::text::bytea), 'base64'), CASE WHEN i % 5 > 0 THEN given(i) || ' ' || surname(i) ELSE given(i) END,
    date '1950-01-01' + (i * 17 % 20000)::int, '+44 7700 ' || 900000 + i, 'https://cdn.example.com/avatars/' || lower(given(i)) || i || '.jpg',
    lpad((i * 37 % 10000)::text, 4, '0'), '@' || lower(given(i)) || i, pick(ARRAY['en-GB','en-IE'], i), 'Europe/London', CASE WHEN i % 10 = 0 THEN md5(i::text) || md5((i + 1)::text) END,
    i % 90, now() - i * interval '1 hour', jsonb_build_object('newsletter', i % 2 = 0, 'theme', 'dark', 'recovery', jsonb_build_object('email', 'alt' || i || '@example.net'),
        'devices', jsonb_build_array(jsonb_build_object('ip', '203.0.113.' || i % 250, 'model', 'Pixel'))), 'cus_' || substr(md5(i::text), 1, 14),
    pick(ARRAY['British','Irish','Nigerian','Indian'], i), pick(ARRAY['single','married','divorced'], i), now() - i * interval '1 day', now() FROM generate_series(1, 600) i;
INSERT INTO shop."UserAddresses" SELECT i, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, pick(ARRAY['Home','Work'], i), given(i) || ' ' || surname(i), 1 + i % 140 || ' ' || pick(ARRAY['Station Road','Mill Lane','The Crescent','Victoria Street'], i),
    CASE WHEN i % 4 = 0 THEN 'Flat ' || i % 9 END, pick(ARRAY['Leeds','Cork','Swansea','Dundee'], i), pick(ARRAY['West Yorkshire','Co. Cork','Fife'], i), 'LS' || 1 + i % 20 || ' ' || i % 9 || 'AB', 'GB', 53 + i % 100 / 300.0, -1.5 + i % 70 / 90.0, true, now() - i * interval '1 day', now() FROM generate_series(1, 600) i;
INSERT INTO shop."Vendors" SELECT i, pick(ARRAY['Northern Pans','Bright Toys','Hearth & Co','Ironbridge Tools'], i) || ' Ltd', 'GB' || 100000000 + i * 97, 'https://vendor' || i || '.example', 'help@vendor' || i || '.example', given(i) || ' ' || surname(i), 3.5, now() - i * interval '1 day', now() FROM generate_series(1, 40) i;
INSERT INTO shop."Products" SELECT i, 'SKU-' || 10000 + i, pick(ARRAY['Cast iron pan','Wooden train','Garden fork','Grace lamp','Charlotte mug'], i) || ' ' || i, pick(ARRAY['Laura Ashley','Jamie Oliver','Bosch','Lego'], i),
    'A sturdy companion for many years, made of oak and steel; dishwasher safe.', i, 'https://cdn.example.com/p/' || i || '.jpg', 1 + i % 40, 1 + i % 30, '{"colour": "red", "weight": 3}', ARRAY['new','sale'], now() - i * interval '1 day', now() FROM generate_series(1, 300) i;
INSERT INTO shop."Orders" SELECT i, 'O-' || 2024000 + i, ('00000000-0000-4000-8000-' || lpad((1 + i % 600)::text, 12, '0'))::uuid, now() - i * interval '2 hours', given(i) || ' ' || surname(i), 1 + i % 140 || ' ' || pick(ARRAY['Station Road','Mill Lane'], i), pick(ARRAY['Leeds','Cork'], i), 'LS' || 1 + i % 20 || ' ' || i % 9 || 'AB',
    CASE WHEN i % 5 = 0 THEN 'Happy birthday ' || given(i) || ', with love from all of us' END, pick(ARRAY['paid','shipped','returned'], i), i * 99, 'GBP', pick(ARRAY['SPRING10',NULL,NULL], i), '198.51.100.' || i % 250, now() - i * interval '2 hours', now() FROM generate_series(1, 1500) i;
INSERT INTO shop."OrderItems" SELECT i, 1 + i % 300, 1 + i % 3, i FROM generate_series(1, 1500) i;
CREATE FUNCTION luhn(n numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT n::text || (10 - sum(CASE WHEN k % 2 = 0 THEN d ELSE CASE WHEN d > 4 THEN d * 2 - 9 ELSE d * 2 END END) % 10) % 10
    FROM (SELECT substr(n::text, 16 - k, 1)::int AS d, k FROM generate_series(1, 15) k) x $$;
INSERT INTO shop."PaymentMethods" SELECT i, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, pick(ARRAY['visa','mastercard'], i), upper(given(i) || ' ' || surname(i)), luhn(453201511283036::numeric + i * 7), lpad((i * 7 % 1000)::text, 3, '0'), 1 + i % 12, 2027 + i % 4, NULL, now(), now() FROM generate_series(1, 400) i;
INSERT INTO shop."Reviews" SELECT i, 1 + i % 300, lower(given(1 + i % 600)) || '_' || 1 + i % 600, 1 + i % 5, 'Bought it for my nephew ' || given(i) || ' and he loves it, thanks to the seller.', now(), now() FROM generate_series(1, 500) i;
INSERT INTO shop."Messages" SELECT i, ('00000000-0000-4000-8000-' || lpad((1 + i % 600)::text, 12, '0'))::uuid, ('00000000-0000-4000-8000-' || lpad((1 + (i + 5) % 600)::text, 12, '0'))::uuid, 'About the order of ' || given(i), 'Hi ' || given(i) || ', could you send it to my office instead? Call me on 07700 ' || 900000 + i, now() FROM generate_series(1, 400) i;
INSERT INTO shop."Sessions" SELECT md5(i::text) || md5((i * 3)::text), ('00000000-0000-4000-8000-' || lpad((1 + i % 600)::text, 12, '0'))::uuid, 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15', ('203.0.113.' || i % 250)::inet, now() FROM generate_series(1, 300) i;
INSERT INTO audit.events SELECT i, now(), lower(given(i)) || i || '@example.com', pick(ARRAY['login','update'], i), jsonb_build_object('before', jsonb_build_object('phone', '+44 7700 ' || 900000 + i), 'route', '/account') FROM generate_series(1, 800) i;
INSERT INTO audit.schema_migrations SELECT '202401' || 10 + i FROM generate_series(1, 15) i;
ANALYZE;
