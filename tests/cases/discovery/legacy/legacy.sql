-- An insurer's old database: abbreviations, prefixes, columns that say nothing, numbers as text. All people are made up.
CREATE TABLE tbl_prsn (prsn_pk integer PRIMARY KEY, prsn_fnm varchar(30), prsn_mi char(1), prsn_lnm varchar(40), prsn_brthdt date, prsn_gndr char(1),
    prsn_mrtl_sts char(1), prsn_ssn varchar(11), prsn_hm_ph varchar(20), prsn_wrk_ph varchar(20), prsn_eml varchar(80), prsn_occ_cd varchar(4),
    prsn_smkr_ind char(1), prsn_hght_in smallint, prsn_wght_lbs smallint, crt_ts timestamp, upd_ts timestamp, upd_usr varchar(12));
CREATE TABLE tbl_addr (addr_pk integer PRIMARY KEY, prsn_fk integer REFERENCES tbl_prsn, addr_ln_1 varchar(60), addr_ln_2 varchar(60), addr_cty varchar(40),
    addr_st char(2), addr_zip varchar(10), addr_cntry char(3), addr_typ_cd char(1), crt_ts timestamp, upd_ts timestamp);
CREATE TABLE tbl_plcy (plcy_pk integer PRIMARY KEY, plcy_nbr varchar(14) UNIQUE, hldr_fk integer REFERENCES tbl_prsn, agnt_cd varchar(6), eff_dt date, exp_dt date,
    prem_amt numeric(10,2), sts_cd char(2), crt_ts timestamp, upd_ts timestamp);
CREATE TABLE tbl_bnf (bnf_pk integer PRIMARY KEY, plcy_fk integer REFERENCES tbl_plcy, bnf_nm varchar(80), bnf_rel_cd char(2), bnf_pct numeric, crt_ts timestamp, upd_ts timestamp);
CREATE TABLE tbl_clm (clm_pk integer PRIMARY KEY, plcy_fk integer REFERENCES tbl_plcy, loss_dt date, loss_desc text, adj_nts text, diag_cd varchar(8), paid_amt numeric, payee varchar(80),
    acct_nbr varchar(20), rtg_nbr char(9), crt_ts timestamp, upd_ts timestamp);
CREATE TABLE tbl_cd (cd_typ varchar(10), cd varchar(4), cd_desc varchar(60), PRIMARY KEY (cd_typ, cd));
CREATE TABLE tbl_web_usr (usr_id varchar(20) PRIMARY KEY, pwd_md5 char(32), sec_q varchar(80), sec_a varchar(80), lst_lgn_ts timestamp, lst_ip varchar(15), crt_ts timestamp, upd_ts timestamp);
CREATE TABLE tbl_import (rec_no integer, f1 text, f2 text, f3 text, f4 text, f5 text, f6 text, f7 text);
CREATE TABLE tbl_audit (id bigint PRIMARY KEY, tbl_nm varchar(30), row_pk integer, old_val jsonb, new_val jsonb, at timestamp);
CREATE TABLE vhcl (vin char(17) PRIMARY KEY, prsn_fk integer REFERENCES tbl_prsn, plt_nbr varchar(10), mk varchar(20), mdl varchar(20), yr smallint);
CREATE FUNCTION pick(list text[], seed bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT list[1 + abs(hashint8extended(seed, 17)) % cardinality(list)] $$;
CREATE FUNCTION g(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper(pick(ARRAY['Dolores','Wendell','LaToya','Chuck','Marisol','Earl','Peggy','Tran','Bobby Joe','Irene',
    'Luther','Consuelo','Fay','Hank','Shanice','Otto','Glenda','Ravi'], i * 3)) $$;
CREATE FUNCTION h(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper(pick(ARRAY['Kowalczyk','Jefferson','Ortiz','Yoder','Nakamura','McGillicuddy','Washington','Begay','Lund',
    'Delacroix','Hernandez','Stubblefield','Park','Abernathy','Swanson'], i * 5)) $$;
INSERT INTO tbl_prsn SELECT i, g(i), chr(65 + i % 26), h(i), date '1930-01-01' + i * 40, pick(ARRAY['M','F'], i), pick(ARRAY['S','M','D','W'], i), lpad((100 + i % 500)::text, 3, '1') || '-' || lpad((1 + i % 90)::text, 2, '0') || '-' || lpad((1 + i * 13 % 9000)::text, 4, '0'),
    '(' || 200 + i % 700 || ') 555-' || lpad((i % 10000)::text, 4, '0'), CASE WHEN i % 3 = 0 THEN '555' || lpad((i * 7919 % 10000000)::text, 7, '0') END, CASE WHEN i % 2 = 0 THEN lower(replace(g(i), ' ', '')) || i || '@aol.example' END, lpad((i % 40)::text, 4, '0'),
    pick(ARRAY['Y','N'], i), 58 + i % 20, 110 + i % 150, timestamp '1998-01-01' + i * interval '1 day', now(), 'BATCH01' FROM generate_series(1, 500) i;
INSERT INTO tbl_addr SELECT i, i, i || ' ' || pick(ARRAY['N MAIN ST','COUNTY RD 12','ELM AVE','PO BOX'], i), NULL, pick(ARRAY['TOPEKA','DULUTH','LAREDO'], i), pick(ARRAY['KS','MN','TX'], i), lpad((10000 + i)::text, 5, '0'), 'USA', 'H', now(), now() FROM generate_series(1, 500) i;
INSERT INTO tbl_plcy SELECT i, 'WL' || lpad((880000 + i)::text, 12, '0'), i, 'A' || i % 30, date '2001-01-01' + i, date '2031-01-01' + i, i, 'AC', now(), now() FROM generate_series(1, 500) i;
INSERT INTO tbl_bnf SELECT i, i, g(i + 2) || ' ' || h(i), 'SP', 100, now(), now() FROM generate_series(1, 400) i;
INSERT INTO tbl_clm SELECT i, i, date '2020-01-01' + i, 'INSURED SLIPPED ON ICE IN FRONT OF STORE NUMBER ' || i, 'SPOKE WITH MRS ' || h(i) || ' ON PHONE, SHE WILL SEND THE FORMS', 'S' || i % 90 || '.' || i % 9, i, g(i) || ' ' || h(i), lpad((i * 7919)::text, 10, '4'), '021000021', now(), now() FROM generate_series(1, 300) i;
INSERT INTO tbl_cd SELECT 'OCC', lpad(i::text, 4, '0'), pick(ARRAY['FARMER','WELDER','CLERK','NURSE'], i) || ' GRADE ' || i FROM generate_series(1, 40) i;
INSERT INTO tbl_web_usr SELECT lower(left(g(i), 1) || h(i)) || i, md5(i::text), 'FIRST PET?', pick(ARRAY['REX','FLUFFY','SPOT'], i) || i, now(), '10.1.' || i % 200 || '.' || i % 250, now(), now() FROM generate_series(1, 200) i;
INSERT INTO tbl_import SELECT i, h(i) || ', ' || g(i), lower(h(i)) || i || '@example.net', '19' || lpad((40 + i % 59)::text, 2, '0') || '-0' || 1 + i % 9 || '-1' || i % 9, '+1 555 010 ' || lpad(i::text, 4, '0'), pick(ARRAY['A','B','C'], i), i * 17.5::text::numeric || '', i || ' OAK ST' FROM generate_series(1, 250) i;
INSERT INTO tbl_audit SELECT i, 'TBL_PRSN', i, jsonb_build_object('prsn_lnm', h(i), 'prsn_eml', 'x' || i || '@example.net'), jsonb_build_object('prsn_lnm', h(i + 1), 'sts', 'A'), now() FROM generate_series(1, 200) i;
INSERT INTO vhcl SELECT lpad(i::text, 17, '1FTFW1ET5DFC'), 1 + i % 500, chr(65 + i % 26) || 'BC ' || 100 + i, pick(ARRAY['FORD','LINCOLN'], i), 'F150', 2000 + i % 20 FROM generate_series(1, 150) i;
ANALYZE;
