/*
  Banking trojans: what they add to banks' pages, and how they redirect a browser.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule webinject_blocks
{
    meta:
        author = "Overt project"
        description = "web-injection configuration: pages of a bank and what to put into them"
        reference = "https://attack.mitre.org/techniques/T1185/"
        severity = "critical"
        licence = "Apache-2.0"
    strings:
        $url = /s\x65t_u\x72l\s{1,4}\S{4,200}\s{1,4}[A-Z]{1,6}\b/
        $before = /\bd\x61ta_b\x65fore\b/
        $inject = /\bd\x61ta_i\x6eject\b/
        $after = /\bd\x61ta_a\x66ter\b/
        $end = /\bd\x61ta_e\x6ed\b/
    condition:
        filesize < 32MB and all of them
}

rule webinject_json
{
    meta:
        author = "Overt project"
        description = "web-injection configuration in JSON: address masks, marks and the code to insert"
        reference = "https://attack.mitre.org/techniques/T1185/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $before = /"(d\x61ta_b\x65fore|b\x65fore|b\x65f|s\x65arch)"\s{0,4}:/
        $after = /"(d\x61ta_a\x66ter|a\x66ter|a\x66t)"\s{0,4}:/
        $inject = /"(d\x61ta_i\x6eject|i\x6eject|i\x6ej|w\x65binject|i\x6ejects)"\s{0,4}:/
        $mask = /"(u\x72l_m\x61sk|s\x65t_u\x72l|u\x72l|m\x61sk|h\x6fsts)"\s{0,4}:\s{0,4}\[?\s{0,4}"[^"\n]{0,60}(\*|b\x61nk|o\x6eline|s\x65cure|l\x6fgin)[^"\n]{0,80}"/ nocase
        $code = /<s\x63ript[^\n]{0,200}(%b\x6ft_?u?id%|b\x6ftnet|b\x6ft_id|@ID@|\{\{?b\x6ft)/ nocase
    condition:
        filesize < 32MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule webinject_xml
{
    meta:
        author = "Overt project"
        description = "web-injection configuration in the form of dynamic injections with address masks"
        reference = "https://attack.mitre.org/techniques/T1185/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $block = /<(d\x69nj|s\x69nj)>/
        $mask = /<(lm|mm)>[^<\n]{3,200}<\/(lm|mm)>/
        $host = /<(hl|sl|s\x72v)>[^<\n]{3,200}<\/(hl|sl|s\x72v)>/
        $group = /<(i\x67roup|s\x6cist|d\x69nj)>/
    condition:
        filesize < 32MB and all of them
}

rule webinject_script
{
    meta:
        author = "Overt project"
        description = "script for a bank's page that reports what the customer types under a bot's number"
        reference = "https://attack.mitre.org/techniques/T1185/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $bot1 = /%(B\x4fT_?U?ID|U\x53ER_?ID|B\x4fTNET)%/ nocase
        $bot2 = /\bb\x6ft_?u?id\s{0,2}[=:]\s{0,2}["']/ nocase
        $hide = /(d\x69splay\s{0,2}:\s{0,2}n\x6fne|v\x69sibility\s{0,2}:\s{0,2}h\x69dden|d\x61ta_i\x6eject|d\x6fcument\.b\x6fdy\.s\x74yle)/ nocase
        $field = /(g\x65tElementById|g\x65tElementsByName|q\x75erySelector)\s{0,2}\(\s{0,2}["'][^"'\n]{0,24}(p\x61ss|p\x69n|t\x61n|o\x74p|t\x6fken|l\x6fgin|u\x73er|c\x61rd|c\x76v|b\x61lance|s\x61ldo)/ nocase
        $send = /(g\x61te\.p\x68p|\/g\x61te\b|c\x72eateElement\s{0,2}\(\s{0,2}["']s\x63ript["']|n\x65w\s{1,2}I\x6dage\s{0,2}\(|X\x4dLHttpRequest)/
        $bank = /(b\x61nk|s\x61ldo|b\x61lance|t\x72ansfer|i\x62an|u\x65berweisung|a\x63count)/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of ($bot1, $bot2) and $hide and $field and $send and $bank
}

rule proxy_script_redirects_banks
{
    meta:
        author = "Overt project"
        description = "proxy configuration that sends only banks' pages through a foreign address"
        reference = "https://attack.mitre.org/techniques/T1090/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $find = "F\x69nd\x50roxyForURL"
        $bank = /["'*.](w\x77w\.|\*\.|\.)?[a-z0-9\-]{0,24}(b\x61nk|b\x61nco|i\x74au|b\x72adesco|s\x61ntander|c\x61ixa|p\x61ypal|h\x73bc|b\x61rclays|c\x69tibank|b\x61ncolombia|p\x6fstbank|s\x70arkasse|r\x61iffeisen)[a-z0-9\-.]{0,24}\*?["']/ nocase
        $proxy = /(P\x52OXY|S\x4fCKS5?|H\x54TPS)\s{1,2}[\w.\-]{4,80}:\d{2,5}/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $find and #bank >= 3 and $proxy
}

rule hosts_file_redirects_banks
{
    meta:
        author = "Overt project"
        description = "hosts file or script that points several banks' names at one foreign address"
        reference = "https://attack.mitre.org/techniques/T1565/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $entry = /\b(1[013-9]\d|2[0-4]\d|25[0-5]|1[0-9]|[2-9]\d|[2-9])\.\d{1,3}\.\d{1,3}\.\d{1,3}[ \t]{1,8}(w\x77w\.|o\x6eline\.|s\x65cure\.)?[a-z0-9\-]{0,20}(b\x61nk|b\x61nco|i\x74au|b\x72adesco|s\x61ntander|p\x61ypal|h\x73bc|b\x61rclays|c\x69tibank|s\x70arkasse|r\x61iffeisen)[a-z0-9\-]{0,20}\.(c\x6fm|n\x65t|o\x72g|de|uk|co\.uk|c\x6fm\.br|es|it|fr|pl|ch|at)\b/ nocase
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and #entry >= 3
}

rule banking_window_watch
{
    meta:
        author = "Overt project"
        description = "Windows program that watches window titles of banks and draws over them or records input"
        reference = "https://attack.mitre.org/techniques/T1185/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $t1 = /(b\x61nco do b\x72asil|b\x72adesco|i\x74a[u\xfa]\b|s\x61ntander|c\x61ixa e\x63on|s\x69credi|s\x69coob|b\x61ncolombia|b\x62va|b\x61norte)/ nocase ascii wide
        $title = /(G\x65tWindowTextW?|G\x65tForegroundWindow)/
        $hook = /(S\x65tWindowsHookExW?|G\x65tAsyncKeyState|k\x65ybd_e\x76ent|m\x6fuse_e\x76ent|S\x65ndInput)/
        $draw = /(B\x69tBlt|S\x65tLayeredWindowAttributes|T\x53creenCapture|C\x6fpyFromScreen)/
        $guard = /(W\x61rsaw|G\x62Plugin|T\x72usteer|A\x70licativo B\x72adesco|G\x62pSv)/ nocase ascii wide
    condition:
        uint16(0) == 0x5a4d and filesize < 32MB and #t1 >= 3 and $title and $hook and $draw and $guard
}
