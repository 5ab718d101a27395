/*
  Ransom notes and the commands that come before them.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule ransom_note
{
    meta:
        author = "Overt project"
        description = "text that says files were encrypted and how to pay for them"
        reference = "https://attack.mitre.org/techniques/T1486/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $locked = /\b(f\x69les?|d\x6fcuments?|d\x61ta|d\x61tabases?|n\x65twork|s\x65rvers?|c\x6fmputers?|s\x79stems?|i\x6efrastructure)\b[^.!?\n]{0,80}\b(h\x61s|h\x61ve|h\x61d|is|a\x72e|w\x61s|w\x65re)\s{1,4}(n\x6fw\s{1,4}|a\x6cl\s{1,4})?(b\x65en\s{1,4})?(s\x65curely\s{1,4}|s\x74rongly\s{1,4}|f\x75lly\s{1,4})?(e\x6ecrypted|l\x6fcked|c\x69phered)\b/ nocase ascii wide
        $key = /\b(d\x65crypt(or|i\x6fn)?\s{1,4}(k\x65y|t\x6fol|s\x6fftware|p\x72ogram|y\x6fur|a\x6cl|s\x65rvice|g\x75arantee)?|p\x72ivate\s{1,4}k\x65y|(r\x65store|r\x65cover|d\x65crypt|r\x65turn|g\x65t\s{1,4}b\x61ck|u\x6elock)\s{1,4}(a\x6cl\s{1,4})?(of\s{1,4})?(y\x6fur|t\x68e)\s{1,4}(f\x69les|d\x61ta|d\x6fcuments|n\x65twork))/ nocase ascii wide
        $money = /\b(b\x69tcoins?|m\x6fnero|b\x74c|x\x6dr|l\x69tecoin|c\x72ypto\s?c\x75rrency|r\x61nsom|p\x61yment)\b/ nocase ascii wide
        $c1 = ".\x6fnion" nocase ascii wide
        $c2 = "t\x6fr browser" nocase ascii wide
        $c3 = "q\x74ox" nocase ascii wide
        $c4 = "s\x65ssion id" nocase ascii wide
        $c5 = "p\x72otonmail" nocase ascii wide
        $c6 = "t\x75tanota" nocase ascii wide
        $c7 = "o\x6eionmail" nocase ascii wide
        $c8 = "t\x6fx id" nocase ascii wide
        $t1 = /n\x6ft\s{1,2}(r\x65name|m\x6fdify|a\x74tempt|d\x65lete)\b/ nocase ascii wide
        $t2 = /\sp\x72ice\s{1,4}(w\x69ll|d\x65pends)\b/ nocase ascii wide
        $t3 = /\bf\x72ee\s{1,2}(d\x65cryption|t\x65st)/ nocase ascii wide
        $t4 = /\bbe\s{1,2}(p\x75blished|l\x65aked|s\x6fld|d\x6fubled|d\x65stroyed|l\x6fst f\x6frever)\b/ nocase ascii wide
        $t5 = /\d\s{1,2}(h\x6furs|d\x61ys)\b/ nocase ascii wide
        $t6 = /t\x68ird[ -]p\x61rty\s{1,2}(s\x6fftware|t\x6fols)/ nocase ascii wide
    condition:
        filesize < 96KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $locked and $key and $money and any of ($c*) and any of ($t*)
}

rule ransom_note_leak
{
    meta:
        author = "Overt project"
        description = "text that threatens to publish stolen data unless its authors are paid"
        reference = "https://attack.mitre.org/techniques/T1657/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $stolen = /\s(d\x6fwnloaded|e\x78filtrated|s\x74olen|s\x74ole|c\x6fpied|e\x78tracted|u\x70loaded)\b[^.!?\n]{0,80}\b(d\x61ta|f\x69les|d\x6fcuments|i\x6eformation|d\x61tabases?)\b/ nocase ascii wide
        $publish = /\b(p\x75blish(ed)?|l\x65ak(ed)?|s\x65ll|s\x6fld|a\x75ction(ed)?|d\x69sclos(e|ed)|p\x75blic(ly)?)\b/ nocase ascii wide
        $c1 = ".\x6fnion" nocase ascii wide
        $c2 = "t\x6fr browser" nocase ascii wide
        $c3 = "q\x74ox" nocase ascii wide
        $c4 = "p\x72otonmail" nocase ascii wide
        $c5 = "t\x75tanota" nocase ascii wide
        $c6 = "o\x6eionmail" nocase ascii wide
        $want = /\b(p\x61y(m\x65nt)?|r\x61nsom|n\x65gotiat(e|i\x6fn|i\x6fns|or)|b\x69tcoins?|m\x6fnero|b\x74c|a\x67reement|d\x65al)\b/ nocase ascii wide
        $d1 = /\d\s{0,2}(h\x6furs|d\x61ys)\b/ nocase ascii wide
        $d2 = "d\x65adline" nocase ascii wide
        $d3 = /\by\x6fu\s{1,2}(do\s{1,2}n\x6ft|d\x6fn't|r\x65fuse to|i\x67nore)\s/ nocase ascii wide
        $d4 = /\sc\x61se\s{1,2}of\s{1,2}(r\x65fusal|n\x6fn-p\x61yment|no\s{1,2}p\x61yment|i\x67nor)/ nocase ascii wide
    condition:
        filesize < 96KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $stolen and $publish and $want and any of ($c*) and any of ($d*)
}

rule ransom_deletes_backups
{
    meta:
        author = "Overt project"
        description = "program or script that removes Windows' shadow copies and recovery at once"
        reference = "https://attack.mitre.org/techniques/T1490/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $a = /v\x73sadmin(\.e\x78e)?["']?\s{1,4}d\x65lete\s{1,4}s\x68adows\b/ nocase ascii wide
        $b = /w\x6dic(\.e\x78e)?["']?\s{1,4}s\x68adowcopy\s{1,4}(\/n\x6finteractive\s{1,4})?d\x65lete/ nocase ascii wide
        $c = /b\x63dedit(\.e\x78e)?["']?\s{1,4}\/s\x65t\s[^\n]{0,20}r\x65coveryenabled["']?\s{1,4}no\b/ nocase ascii wide
        $d = /b\x6fotstatuspolicy["']?\s{1,4}i\x67noreallfailures/ nocase ascii wide
        $e = /w\x62admin(\.e\x78e)?["']?\s{1,4}d\x65lete\s{1,4}(c\x61talog|s\x79stemstatebackup|b\x61ckup)\b/ nocase ascii wide
        $f = /v\x73sadmin(\.e\x78e)?["']?\s{1,4}r\x65size\s{1,4}s\x68adowstorage\s[^\n]{0,60}m\x61xsize/ nocase ascii wide
        $g = /W\x69n32_S\x68adowCopy[^\n]{0,80}(\.D\x65lete\s{0,2}\(|R\x65move-W\x6diObject|R\x65move-C\x69mInstance)/ nocase ascii wide
        $h = /w\x65vtutil(\.e\x78e)?["']?\s{1,4}cl\s{1,4}(s\x79stem|s\x65curity|a\x70plication)/ nocase ascii wide
        $list = /\ba\x6cert\s{1,2}(a\x6ey|t\x63p|u\x64p|h\x74tp|s\x79slog|ip)\s[^\n]{1,80}(->|<>)\s/
    condition:
        filesize < 32MB and 2 of ($a, $b, $c, $d, $e, $f, $g, $h) and not $list
}

rule ransom_stops_virtual_machines
{
    meta:
        author = "Overt project"
        description = "program or script that stops the virtual machines of an ESXi host to encrypt their disks"
        reference = "https://attack.mitre.org/techniques/T1489/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $list = /(e\x73xcli\s[^\n]{0,60}vm\s{1,2}p\x72ocess\s{1,2}l\x69st|v\x69m-c\x6dd\s{1,2}v\x6dsvc\/g\x65tallvms)/
        $kill = /(e\x73xcli\s[^\n]{0,60}vm\s{1,2}p\x72ocess\s{1,2}k\x69ll|v\x69m-c\x6dd\s{1,2}v\x6dsvc\/p\x6fwer\.o\x66f|v\x6dsvc\/s\x6eapshot\.r\x65moveall)/
        $force = /(--t\x79pe[= ]f\x6frce|-t[= ]f\x6frce|x\x61rgs|s\x6eapshot\.r\x65moveall)/
        $crypt = /(e\x6ecrypt|\.v\x6ddk|r\x61nsom|\.o\x6eion|c\x68acha|n\x6fhup)/ nocase
        $disk = /\.(v\x6ddk|v\x6dem|v\x73wp|v\x6dsn)\b/
    condition:
        filesize < 16MB and all of them
}

rule ransom_encrypting_script
{
    meta:
        author = "Overt project"
        description = "script that encrypts every file it finds under a folder with a key and deletes the originals"
        reference = "https://attack.mitre.org/techniques/T1486/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $walk = /(os\.w\x61lk\s{0,2}\(|G\x65t-C\x68ildItem\s[^\n]{0,60}-R\x65curse|f\x69nd\s{1,2}\/(h\x6fme|r\x6fot|s\x72v|v\x61r|m\x6et)?[^\n]{0,40}-t\x79pe\s{1,2}f)/ nocase
        $crypt = /(F\x65rnet\s{0,2}\(|A\x45S\.n\x65w\s{0,2}\(|o\x70enssl\s{1,2}e\x6ec\s[^\n]{0,40}-(a\x65s|p\x61ss|k)|C\x72eateEncryptor\s{0,2}\(|g\x70g\s[^\n]{0,60}--(s\x79mmetric|e\x6ecrypt))/ nocase
        $remove = /(os\.r\x65move\s{0,2}\(|os\.r\x65name\s{0,2}\(|os\.u\x6elink|R\x65move-I\x74em|rm\s{1,2}-f|s\x68red\s)/ nocase
        $note = /(R\x45ADME_(TO_|F\x4fR_)?(D\x45CRYPT|R\x45STORE)|H\x4fW_TO_(D\x45CRYPT|R\x45COVER|R\x45STORE)|R\x45COVER[_\-](Y\x4fUR[_\-])?F\x49LES|D\x45CRYPT[_\-]I\x4eSTRUCTIONS|y\x6fur\s{1,2}f\x69les\s{1,2}(h\x61ve\s{1,2}b\x65en|a\x72e|w\x65re)\s{1,2}e\x6ecrypted|r\x61nsom_?n\x6fte)/ nocase
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule ransom_note_dropper
{
    meta:
        author = "Overt project"
        description = "Windows program that carries the text of a ransom note and the means to encrypt"
        reference = "https://attack.mitre.org/techniques/T1486/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $note = /(a\x6cl\s{1,2})?(of\s{1,2})?y\x6fur\s{1,2}(i\x6dportant\s{1,2})?(f\x69les|d\x6fcuments|d\x61ta|n\x65twork)[^.\x00\n]{0,40}\s(h\x61ve\s{1,2}b\x65en|a\x72e|w\x65re|h\x61s\s{1,2}b\x65en)\s{1,2}(e\x6ecrypted|l\x6fcked)/ nocase ascii wide
        $pay = /(b\x69tcoin|m\x6fnero|\.o\x6eion\b|t\x6fr\s{1,2}b\x72owser)/ nocase ascii wide
        $crypt = /(C\x72yptEncrypt|B\x43ryptEncrypt|C\x72yptGenRandom|B\x43ryptGenRandom|C\x72yptAcquireContext|R\x69jndaelManaged|R\x53ACryptoServiceProvider|e\x78pand 32-b\x79te k)/
        $walk = /(F\x69ndFirstFile(Ex)?W|G\x65tLogicalDrives|D\x69rectoryInfo|E\x6eumerateFiles|G\x65tDrives)/
    condition:
        uint16(0) == 0x5a4d and filesize < 16MB and all of them
}
