"""What somebody earns or owes."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """salary salaryamount basesalary annualsalary monthlysalary wage hourlywage hourlyrate wages income annualincome
    monthlyincome compensation bonus creditscore creditlimit networth commissionpct gehalt bruttogehalt nettogehalt
    jahresgehalt lohn stundenlohn einkommen kreditlimit salaire salairebrut salairenet revenu remuneration salario
    sueldo ingresos stipendio reddito salaris loon inkomen salarioliquido renda pension salarycode salaryscale
    salarygrade paygrade paygroup payscale payrate payband rateofpay hourrate hourlysalary dailyrate daypay earnings
    takehomepay grosspay netpay grosssalary netsalary grosswage expectedsalary salaryexpectation salaryexpectations
    desiredsalary currentsalary previoussalary severance allowance allowances stockoptions commission commissionrate
    overtimepay tips pensionamount pensioncontribution householdincome yearlyincome incomerange incomebracket
    incomelevel garnish garnishment wagegarnishment attachmentofearnings creditlimitamount debt debts debtamount
    outstandingdebt arrears overdueamount balanceowed loanamount assets wealth netwealth mortgage monthlyrent
    alimony childsupport maintenance scholarship benefitamount welfare subsidy donationamount donated totaldonated
    lifetimedonation pledge pledgeamount lifetimevalue creditrating affordability gehaltswunsch gehaltsvorstellung
    gehaltsstufe gehaltsgruppe tarifgruppe entgelt entgeltgruppe verguetung honorar stundensatz tagessatz monatslohn
    bruttolohn nettolohn brutto netto provision schulden pfaendung lohnpfaendung unterhalt rente vermoegen miete
    mietschulden spendenbetrag salairebrutannuel salairebase tauxhoraire salairemensuel remunerationannuelle prime
    primes honoraires dettes endettement quotientfamilial revenufiscal revenus saisie saisiesalaire
    pensionalimentaire loyer allocation aidesociale salariobruto salarioneto salariobase sueldobruto sueldobase
    pretension pretensionsalarial pretensioneseconomicas nomina complemento pluses trienios honorarios deuda deudas
    embargo pensionalimenticia retencion irpf ingresosmensuales rentaanual patrimonio retribuzione retribuzionelorda
    ral pagaoraria compenso compensi premio debito debiti pignoramento isee redditoannuo mutuo brutoloon nettoloon
    uurloon salarisschaal loonschaal salschaal schaal trede bruto vergoeding schuld loonbeslag alimentatie uitkering
    maandinkomen jaarinkomen huurprijs vermogen salariobruto1 vencimento vencimentos remuneracao comissao
    pctcomissao rendafamiliar rendamensal rendaanual pretensaosalarial limitecredito pensaoalimenticia bolsafamilia
    divida dividas adiantamento wynagrodzenie pensja stawka stawkagodzinowa brutto1 netto1 dochod dochody
    dochodnaosobe zadluzenie komornik alimenty zajecie manadslon timlon bruttolon nettolon inkomst skuld timelon
    timelonn arsinntekt inntekt lonn bruttolonn indkomst gaeld palkka tuntipalkka tulot velka plat mzda hrubamzda
    cistamzda prijem prijmy dluh exekuce maas ucret brutmaas netmaas gelir borc lifetimegiving totalgiving giftaid
    wealthrating networthestimate caf apl bourse stypendium stypendia stipendium annualpay yearlypay monthlypay
    kirchgeld mitgliedsbeitrag vuokra
    huur hyra kira czynsz najem penale pokuty mandaty"""
)
IN_PAYROLL = vocabulary(
    """gross net amount bruto neto brutto netto brut lordo basic total pay liquido base gross1 grossamount netamount
    taxwithheld withheld deductions deduction bonus overtime allowance allowances advance insurancepart pension
    steuer abzug abzuege zulage zulagen auszahlung retenues prime cotisations netapayer deducciones devengos
    retenciones netto1 trattenute premi inhoudingen toeslag vakantiegeld descontos proventos salarioliquido
    potracenia """
)
PAYROLL = vocabulary(
    """payroll payslip salary salaries nomina gehalt lohnabrechnung paie cedolino loonstrook holerite wages wage
    compensation paycheck paystub lohn gehaltsabrechnung verdienst entgelt bulletinsalaire bulletinpaie fichepaie
    salarios salario buonapaga bustapaga loonstroken salaris salarissen folhapagamento contracheque wynagrodzenie
    lonebesked lonnslipp lon palkka mzda bordro maas"""
)


SCALES = vocabulary("indice indicemajore indicebrut echelon schaal trede tarifstufe loontrede lonetrinn lontrin")
"""Steps of a scale of pay: somebody's in a person's row, everybody's in the scale."""


def judge(place: Place) -> Finding | None:
    if place.is_text and place.is_person and place.named(NAMES):
        return found("income", weigh(place, 0.7, Clue()), Choice("shuffle"), Choice("null"))
    if not place.is_number or place.is_catalogue:
        return None
    by_name = 0.88 if place.named(NAMES) and (place.is_of_person or place.is_inside) else 0.0
    if not by_name and place.is_person and place.named(SCALES):
        by_name = 0.7
    if not by_name and place.named(NAMES):
        by_name = 0.6
    if not by_name and place.named(IN_PAYROLL) and place.is_in(PAYROLL):
        by_name = 0.8
    if set(place.words) & {"min", "max", "minimum", "maximum", "range", "from", "to"} and not place.is_of_person:
        by_name = min(by_name, 0.4)
    return found("income", weigh(place, by_name, Clue()), Choice("number_noise"), Choice("shuffle"))


DETECTOR = Detector("income", "incomes", judge)
