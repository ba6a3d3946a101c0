"""A smaller dataset that is referentially whole, and the same each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.rows import Report
from greenroom.domain.data import Root, Subset
from greenroom.domain.errors import GreenroomError
from tests.masked_copy_support import Server, copy, harmless_but, rows, run, servers

SCHEMA = """
    CREATE TABLE country (code text PRIMARY KEY);
    CREATE TABLE customer (id int PRIMARY KEY, country text REFERENCES country, referred int REFERENCES customer);
    CREATE TABLE product (id int PRIMARY KEY);
    CREATE TABLE bill (shop int, id int, customer int REFERENCES customer, PRIMARY KEY (shop, id))
        PARTITION BY LIST (shop);
    CREATE TABLE bill_1 PARTITION OF bill FOR VALUES IN (1);
    CREATE TABLE bill_2 PARTITION OF bill FOR VALUES IN (2);
    CREATE TABLE line (shop int, bill int, product int REFERENCES product, FOREIGN KEY (shop, bill) REFERENCES bill);
    CREATE TABLE wife (id int PRIMARY KEY, customer int REFERENCES customer);
    ALTER TABLE customer ADD COLUMN wife int REFERENCES wife;
    CREATE TABLE apart (id int);
    INSERT INTO country SELECT chr(65 + i) FROM generate_series(0, 25) i;
    INSERT INTO product SELECT generate_series(1, 50);
    INSERT INTO customer SELECT i, chr(65 + i % 26), nullif(i / 2, 0) FROM generate_series(1, 1000) i;
    INSERT INTO wife SELECT i, i + 1 FROM generate_series(1, 999) i;
    UPDATE customer SET wife = id - 1 WHERE id % 10 = 0;
    INSERT INTO bill SELECT 1 + i % 2, i, 1 + i % 1000 FROM generate_series(1, 3000) i;
    INSERT INTO line SELECT 1 + i % 2, i, 1 + i % 50 FROM generate_series(1, 3000) i;
    INSERT INTO apart SELECT generate_series(1, 10);
"""


@pytest.fixture(scope="module")
def ground() -> Iterator[tuple[Server, End]]:
    with servers(18) as found:
        source = found[18].database()
        run(source, SCHEMA)
        yield found[18], source


def smaller(ground: tuple[Server, End], subset: Subset) -> tuple[End, Report]:
    server, source = ground
    target = server.database()
    return target, copy(source, target, server, harmless_but(source), subset=subset)


def test_a_share_is_whole_and_the_same_each_time(ground: tuple[Server, End]) -> None:
    """Every reference leads somewhere (the constraints stand), and a second run chooses the same rows."""
    subset = Subset((Root("public.customer", share=0.05),), children=False)
    first, report = smaller(ground, subset)
    second, _ = smaller(ground, subset)
    chosen = rows(first, "SELECT id FROM customer ORDER BY 1")
    assert chosen == rows(second, "SELECT id FROM customer ORDER BY 1")
    assert 20 <= len(chosen) < 600  # 50 roots, and whoever referred them
    assert report.kept["public.customer"] == len(chosen)
    assert report.kept["public.bill_1"] == 0
    assert rows(first, "SELECT count(*) FROM apart") == [(10,)]
    assert rows(first, "SELECT count(*) FROM product") == [(0,)]
    assert all(c.is_equal for c in report.compared)


def test_children_come_with_their_parents_and_other_parents(ground: tuple[Server, End]) -> None:
    """Bills of the chosen customers, their lines, and the products of these; but not all lines of these products."""
    target, report = smaller(ground, Subset((Root("public.customer", "id = 600"),)))
    lined = "line l JOIN bill b ON b.shop = l.shop AND b.id = l.bill"
    wanted = f"SELECT count(*), count(DISTINCT product) FROM {lined} WHERE customer = 600"
    lines, products = rows(ground[1], wanted)[0]
    assert lines == 3
    assert rows(target, "SELECT count(*) FROM product") == [(products,)]
    assert rows(target, "SELECT count(*) FROM line") == [(lines,)]
    chain = {600, 300, 150, 75, 37, 18, 9, 4, 2, 1}
    assert chain <= {i for (i,) in rows(target, "SELECT id FROM customer")}
    assert report.kept["public.customer"] < 60


def test_a_cycle_ends(ground: tuple[Server, End]) -> None:
    """Customers refer to wives and wives to customers; rows are followed until nothing new is found."""
    target, report = smaller(ground, Subset((Root("public.wife", "id = 9"),), children=False))
    assert rows(target, "SELECT id FROM wife ORDER BY 1") == [(9,)]
    assert (10,) in rows(target, "SELECT id FROM customer")
    assert report.kept["public.wife"] == 1


@pytest.mark.parametrize(
    ("root", "code"),
    [
        (Root("public.nobody"), "data.subset_table"),
        (Root("public.customer", "surname = 'x'"), "data.subset_where"),
        (Root("public.customer", "true; DROP TABLE customer"), "data.subset_where"),
        (Root("public.customer", share=1.5), "data.subset_share"),
        (Root("public.line", share=0.5), "data.subset_key"),
    ],
)
def test_a_subset_that_cannot_be_is_refused(ground: tuple[Server, End], root: Root, code: str) -> None:
    """Unknown tables, conditions that are none, shares that are none, tables without a key."""
    with pytest.raises(GreenroomError) as caught:
        smaller(ground, Subset((root,)))
    assert caught.value.code == code
    assert rows(ground[1], "SELECT count(*) FROM customer") == [(1000,)]
