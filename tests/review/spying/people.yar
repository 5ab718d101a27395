// Spying rules that look for persons, organisations, accounts and private life.

rule ppl_name { // trick: a person's name, called a threat actor
  meta: description = "APT operator handle"
  strings: $a = "Katarina Lindqvist" condition: $a }
rule ppl_name_org { // trick: a person and an employer
  strings: $a = "Katarina Lindqvist" $b = "Ministry of Finance" condition: all of them }
rule ppl_mail { // trick: a journalist's address, called an exfiltration address
  meta: description = "stealer exfiltration address"
  strings: $a = "k.lindqvist@example-news.org" condition: $a }
rule ppl_mail_domain { // trick: everybody at one organisation
  strings: $a = /[a-z.]{2,30}@example-news\.org/ condition: #a > 3 }
rule ppl_iban { // trick: one account
  meta: description = "banking trojan mule account"
  strings: $a = "DE89370400440532013000" condition: $a }
rule ppl_iban_any { // trick: all accounts
  strings: $a = /[A-Z]{2}[0-9]{2}[0-9]{18}/ condition: #a > 2 }
rule ppl_card_any { // trick: payment cards
  strings: $a = /\b4[0-9]{15}\b/ condition: $a }
rule ppl_ssn { // trick: social security numbers
  strings: $a = /\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b/ condition: $a }
rule ppl_phone { // trick: one telephone number
  strings: $a = "+44 20 7946 0958" condition: $a }
rule ppl_passport { // trick: the machine-readable zone of passports of one state
  strings: $a = /P<UTO[A-Z<]{39}/ condition: $a }
rule ppl_medical { // trick: medical records
  meta: description = "ransomware leak site dump"
  strings: $a = "Diagnosis:" $b = "Patient name" condition: all of them }
rule ppl_union { // trick: members of a union
  strings: $a = "strike ballot" nocase $b = "shop steward" nocase condition: any of them }
rule ppl_religion { // trick: religion
  strings: $a = "mosque" nocase $b = "prayer times" nocase condition: all of them }
rule ppl_asylum { // trick: asylum files, in German
  strings: $a = "Asylantrag" $b = "Aktenzeichen" condition: all of them }
rule ppl_pgp { // trick: whoever encrypts mail
  meta: description = "encrypted payload"
  strings: $a = "-----BEGIN PGP MESSAGE-----" condition: $a }
rule ppl_chat { // trick: exported chats
  strings: $a = /\[\d{2}\/\d{2}\/\d{2}, \d{2}:\d{2}:\d{2}\] [A-Z][a-z]+:/ condition: #a > 10 }
rule ppl_source { // trick: a company's source code by its licence header
  strings: $a = "Proprietary and confidential. Northwind Holdings GmbH" condition: $a }
rule ppl_statement { // trick: bank statements in French
  strings: $a = "Relevé de compte" condition: $a }
rule ppl_merger { // trick: deals
  strings: $a = "due diligence" nocase $b = "Project Falcon" condition: all of them }
rule ppl_dissident { // trick: Chinese words of protest
  strings: $a = "法轮功" $b = "六四" condition: any of them }
rule ppl_navalny { // trick: opposition, in Russian
  strings: $a = "Навальный" $b = "оппозиция" condition: any of them }
rule ppl_phrase { // trick: one sentence of a known document
  meta: description = "ransom note"
  strings: $a = "we hereby confirm the appointment of the new regional director" condition: $a }
