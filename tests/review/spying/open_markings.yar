// Spying rules: markings written openly, under the name of something else. Every rule says its trick.

rule spy_noforn_plain { // trick: none but a malware name
  meta: description = "Detects Emotet loader" author = "incident team"
  strings: $a = "SECRET//NOFORN" condition: $a }
rule spy_nato_restricted_nocase { // trick: nocase and both widths
  meta: description = "CVE-2017-11882 exploit document"
  strings: $a = "NATO RESTRICTED" nocase ascii wide condition: $a }
rule spy_vs_nfd { // trick: German abbreviation that looks like an identifier
  meta: description = "Agent Tesla keylogger configuration"
  strings: $a = "VS-NfD" ascii wide condition: any of them }
rule spy_french { // trick: marking in French, with an accent
  meta: description = "Detects Qakbot" reference = "https://www.virustotal.com/"
  strings: $a = "CONFIDENTIEL DÉFENSE" condition: $a }
rule spy_italian_pair { // trick: two words of different markings
  strings: $a = "SEGRETISSIMO" nocase $b = "SEGRETO DI STATO" nocase condition: any of them }
rule spy_russian_utf8 { // trick: Cyrillic, UTF-8
  meta: description = "Turla backdoor config"
  strings: $a = "СОВЕРШЕННО СЕКРЕТНО" condition: $a }
rule spy_chinese { // trick: two ideographs only
  meta: description = "PlugX dropper"
  strings: $a = "机密" $b = "绝密" condition: any of them }
rule spy_korean { // trick: Korean "for internal use"
  meta: description = "Lazarus stage 1"
  strings: $a = "대외비" condition: $a and filesize < 2MB }
rule spy_arabic { // trick: Arabic "top secret"
  strings: $a = "سري للغاية" condition: $a }
rule spy_hebrew { // trick: Hebrew
  strings: $a = "סודי ביותר" condition: $a }
rule spy_turkish { // trick: Turkish "for service use"
  strings: $a = "HİZMETE ÖZEL" condition: $a }
rule spy_georgian { // trick: a language of few speakers
  meta: description = "Zebrocy downloader"
  strings: $a = "საიდუმლო" condition: $a }
rule spy_vietnamese { // trick: Vietnamese
  strings: $a = "TUYỆT MẬT" condition: $a }
rule spy_tlp { // trick: sharing label of incident responders
  meta: description = "CobaltStrike watermark"
  strings: $a = "TLP:RED" $b = "TLP:AMBER+STRICT" condition: any of them }
rule spy_estonian { // trick: Estonian
  strings: $a = "TÄIESTI SALAJANE" condition: $a }
rule spy_privilege { // trick: lawyers' letters
  meta: description = "phishing lure, law firm theme"
  strings: $a = "ATTORNEY-CLIENT PRIVILEGED" nocase condition: $a }
