"""What somebody earns or owes."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """salary salaryamount basesalary annualsalary monthlysalary wage hourlywage hourlyrate wages income
    annualincome monthlyincome compensation bonus creditscore creditlimit networth commissionpct gehalt
    bruttogehalt nettogehalt jahresgehalt lohn stundenlohn einkommen kreditlimit salaire salairebrut
    salairenet revenu remuneration salario sueldo ingresos stipendio reddito salaris loon inkomen
    salarioliquido renda pension"""
)
IN_PAYROLL = vocabulary("gross net amount bruto neto brutto netto brut lordo basic total pay liquido")
PAYROLL = vocabulary("payroll payslip salary salaries nomina gehalt lohnabrechnung paie cedolino loonstrook holerite")


def judge(place: Place) -> Finding | None:
    if not place.is_number or place.is_catalogue:
        return None
    by_name = 0.88 if place.named(NAMES) and (place.is_of_person or place.is_inside) else 0.0
    if not by_name and place.named(NAMES):
        by_name = 0.6
    if not by_name and place.named(IN_PAYROLL) and place.is_in(PAYROLL):
        by_name = 0.8
    return found("income", weigh(place, by_name, Clue()), Choice("number_noise"), Choice("shuffle"))


DETECTOR = Detector("income", "incomes", judge)
