"""Words of columns that say nothing of the person whose row they stand in: switches, counters, a program's own."""

from __future__ import annotations

from greenroom.discovery.naming import vocabulary

SWITCHES = vocabulary(
    """active inactive activated deactivated
    enabled disabled deleted removed archived locked blocked banned suspended verified unverified
    confirmed approved published draft default primary main public private hidden visible valid invalid current new
    admin administrator superuser staff root system internal external test demo bot dummy newsletter marketing
    mailing optin optout opt subscribed subscription consent agreed accepted terms tos gdpr dsgvo rgpd avg lgpd
    privacy notify notification notifications alert alerts reminder reminders twofactor mfa totp otp remember vip
    favorite favourite featured premium trial paid billable taxable exempt printed sent exported imported synced
    processed billing shipping preferred temporary readonly online flag enforce force must needs change aktiv
    inaktiv geloescht geloscht gesperrt bestaetigt bestatigt archiviert standard gedruckt versendet rundschreiben
    actif inactif supprime archive bloque confirme principal defaut imprime envoye activo inactivo activa borrado
    eliminado bloqueado confirmado predeterminado predeterminada impreso enviado attivo inattivo eliminato bloccato
    confermato predefinito stampato inviato actief inactief verwijderd geblokkeerd bevestigd standaard geprint
    verzonden nieuwsbrief ativo inativo excluido bloqueado confirmado padrao impresso aktywny nieaktywny usuniety
    zablokowany potwierdzony domyslny aktivni smazany aktif silindi aktiivinen"""
)
COUNTERS = vocabulary(
    """count counts counter cnt total totals attempts tries failed failures retries retry version revision rev lock
    limit limits quota max maximum min minimum size sizes length width bytes quantity qty stock seats capacity
    threshold order sort sorting position pos index idx rank level priority weightclass status state stage step
    phase flags bitmask mask mode port ttl timeout interval frequency duration batch page pages row rows line seq
    sequence serial anzahl zaehler zahler versuche reihenfolge sortierung stufe prioritaet rang menge nombre
    compteur tentatives ordre quantite niveau etat cantidad contador intentos orden nivel prioridad estado conteggio
    tentativi ordine quantita livello stato aantal teller pogingen volgorde hoeveelheid volgnr volgnummer quantidade
    tentativas ordem nivel situacao ilosc licznik kolejnosc antal raekkefoelge maara jarjestys pocet poradi adet
    sira maxi mini"""
)
PROGRAM = vocabulary(
    """slug sku currency waehrung wahrung devise moneda moeda valuta waluta locale language lang sprache langue idioma
    lingua taal jezyk kieli dil sprak timezone tz zone version revision status state etat estado stato stav durum
    tila tilstand type typ tipo soort rodzaj tyyppi tur kind mode scope role roles rolle rol ruolo funcaosistema
    permission permissions theme layout skin color colour icon template format encoding charset provider platform os
    browser device model channel kanal canal source quelle origem origen herkunftskanal medium campaign referrer utm
    plan tier package currencycode unit einheit env environment tenantcode checksum digest etag algorithm schema
    queue worker migration flag category categoria kategorie categorie group gruppe groupe grupo gruppo groep tags
    label period periode periodo month monat mois mes mese maand year jahr annee ano anno jaar week woche semaine
    semana settimana quarter quartal semester term shift frequency unit units scale"""
)
BOOKKEEPING = vocabulary(
    """updated update updatedat modified modifiedat changed changedat deleted deletedat archived archivedat removed
    synced syncedat imported importedat exported processed sent sentat locked lockedat blocked expires expiresat
    expiry expired reset checked verified confirmed confirmation refreshed migrated touched scheduled notified retry
    geaendert geandert aenderung aenderungsdatum geloescht modifie modification supprime maj actualizado
    actualizacion modificado modificacion borrado fmod modificato aggiornato aggiornamento cancellato gewijzigd
    wijziging mutatie mutation verwijderd atualizado atualizacao alterado alteracao excluido zmieniono zmodyfikowano
    usunieto andrad aendret endret muokattu zmeneno guncelleme silindi
    history audit"""
)
AMOUNTS = vocabulary(
    """amount amounts total subtotal sum price cost costs fee fees tax vat discount net gross paid due quantity qty rate
    charge charges deposit refund tip balance cents currency percent pct weight distance year month day hour hours
    minutes seconds ms betrag summe preis kosten gebuehr steuer rabatt jahr monat tag
    montant somme prix cout frais taxe remise annee mois jour importe precio coste monto cantidad anio mes dia
    importo prezzo costo bedrag prijs kosten jaar maand dag valor preco custo ano kwota cena rok belopp pris"""
)
TRADE = vocabulary(
    """order orders sale sales invoice payment purchase booking reservation rental shipment delivery cart basket
    transaction subscription ticket device session notification message token post comment review vote like follow hit
    visit bestellung rechnung zahlung buchung auftrag forderung commande facture paiement pedido factura pago recibo
    ordine fattura pagamento bestelling factuur betaling encomenda fatura pagamento venda compra zamowienie faktura
    platnosc ordre betaling tilaus objednavka platba siparis odeme wishlist item line"""
)
"""Words of tables of what somebody bought: their numbers tell of goods."""
