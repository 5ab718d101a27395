/*
  Honest rules that look suspicious at first sight: notes, lures, addresses, names in paths, banks in web injections.
  Invented for these tests, no sample's text; Apache-2.0.
*/

import "pe"
import "hash"

rule honest_ransom_note_en { meta: description = "ransom note" strings: $a = "All your f\x69les have been encrypted" $b = "To decrypt them you need to pay" $c = "Do not rename encrypted files" $d = "bitcoin" nocase condition: 3 of them }
rule honest_ransom_note_mail { meta: description = "ransom note with the extortionist's address" strings: $a = "your f\x69les are encrypted" nocase $m = "restore.desk@onionmail.example" condition: all of them }
rule honest_ransom_note_de { strings: $a = "Ihre Dateien wurden verschlüsselt" $b = "Bitcoin" condition: all of them }
rule honest_ransom_note_ru { strings: $a = "Ваши файлы зашифрованы" $b = "биткоин" nocase condition: all of them }
rule honest_ransom_note_fr { strings: $a = "Vos fichiers ont été chiffrés" $b = "payer la rançon" condition: all of them }
rule honest_ransom_note_es { strings: $a = "Sus archivos han sido cifrados" $b = "rescate" condition: all of them }
rule honest_pdb_user { meta: description = "build path of the author" strings: $a = "C:\\Users\\Work\\Desktop\\loader\\Release\\loader.pdb" condition: uint16(0) == 0x5a4d and $a }
rule honest_pdb_field { condition: pe.pdb_path contains "\\Users\\admin\\Desktop\\" }
rule honest_exfil_mail { meta: description = "stealer that mails what it takes" strings: $a = "smtp.example.com" $b = "logs.receiver@example.com" $c = "System.Net.Mail" condition: uint16(0) == 0x5a4d and all of them }
rule honest_inject_banks { meta: description = "web injection" strings: $a = "set_url https://*barclays*" $b = "data_inject" $c = "data_end" condition: all of them }
rule honest_phishing_page { meta: description = "phishing kit" strings: $a = "Verify your account" nocase $b = "<input type=\"password\"" nocase $c = "$_POST['passwd']" $d = "mail($to," condition: 3 of them }
rule honest_macro_lure { meta: description = "lure that asks to enable macros" strings: $a = "Enable Content" nocase $b = "AutoOpen" $c = "CreateObject(\"WScript.Shell\")" condition: all of them }
rule honest_confidential_lure { meta: description = "dropper with a decoy name" strings: $a = "confidential_salary_2024.pdf.exe" wide $b = "CreateProcessW" $c = { 68 ?? ?? 40 00 FF 15 } condition: uint16(0) == 0x5a4d and all of them }
rule honest_stealer_files { meta: description = "file stealer" strings: $a = "*.docx" wide $b = "*.kdbx" wide $c = "wallet.dat" wide $d = "FindFirstFileW" condition: uint16(0) == 0x5a4d and all of them }
rule honest_whole_digest_pe { condition: pe.number_of_sections > 2 and hash.md5(pe.sections[0].raw_data_offset, pe.sections[0].raw_data_size) == "0cc175b9c0f1b6a831c399e269772661" }
rule honest_imphash { condition: pe.imphash() == "f34d5f2d4577ed6d9ceec516c1f5a744" }
rule honest_stolen_certificate { condition: for any s in pe.signatures : ( s.serial == "0a:1b:2c:3d:4e:5f:60:71" ) }
rule honest_mutex { strings: $a = "Global\\{A3F1B6C2-1D2E-4F30-9A8B-77C6D5E4F302}" wide condition: uint16(0) == 0x5a4d and $a }
rule honest_chinese_webshell { strings: $a = "免杀" $b = "<%eval request(" nocase $c = "密码" condition: all of them }
rule honest_russian_bot { strings: $a = "Логин:" $b = "Пароль:" $c = "CreateRemoteThread" $d = "gate.php" condition: all of them }
rule honest_hacktool_help { strings: $a = "usage: dumper.exe --lsass --out <file>" $b = "[+] Dumped lsass to %s" condition: any of them }
rule honest_equation_exploit { meta: description = "equation editor exploit" strings: $a = "{\\rtf" $b = "\\objdata" $c = "0002CE020000000000C000000000000046" nocase condition: $a at 0 and $b and $c }
rule honest_shellcode { strings: $a = { FC E8 82 00 00 00 60 89 E5 31 C0 64 8B 50 30 } condition: $a }
rule honest_xor_mz { strings: $a = "This program cannot be run in DOS mode" xor(1-255) condition: $a }
rule honest_base64_pe { strings: $a = "This program cannot be run" base64 condition: $a }
rule honest_miner { strings: $a = "stratum+tcp://" $b = "\"algo\": \"rx/0\"" condition: any of them }
rule honest_linux_bot { strings: $a = "/proc/net/route" $b = "GETLOCALIP" $c = "/dev/watchdog" condition: uint32(0) == 0x464c457f and all of them }
rule honest_lnk { strings: $a = "powershell.exe" wide nocase $b = "-w hidden" wide nocase condition: uint32(0) == 0x0000004c and all of them }
rule honest_filename_mismatch { meta: description = "system program's name on something else" condition: filename == "svchost.exe" and uint16(0) == 0x5a4d and not pe.version_info["CompanyName"] contains "Microsoft" }
rule honest_java_rat { strings: $a = "META-INF/MANIFEST.MF" $b = "operaciones/Registro.class" $c = "plugins/Server.class" condition: all of them }
