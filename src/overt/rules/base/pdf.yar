/*
  PDF documents that act: launching programs, JavaScript, attachments, hidden names.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule pdf_launches_command
{
    meta:
        author = "Overt project"
        description = "PDF whose launch action names a command interpreter or a program"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $launch = /\/L\x61unch\b/
        $command = /\/(F|W\x69n\s{0,4}<<[^>]{0,40}\/F|P)\s{0,4}\(\s{0,4}[^)\n]{0,120}(c\x6dd(\.e\x78e)?\b|p\x6fwershell|m\x73hta|w\x73cript|c\x73cript|r\x75ndll32|r\x65gsvr32|b\x61sh\b|\/b\x69n\/sh|\.e\x78e\b|\.s\x63r\b|\.v\x62s\b|\.h\x74a\b)/ nocase
    condition:
        uint32(0) == 0x46445025 and filesize < 64MB and all of them
}

rule pdf_launch_action
{
    meta:
        author = "Overt project"
        description = "PDF with a launch action: opening it may start another program"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "low"
        licence = "Apache-2.0"
    strings:
        $launch = /\/S\s{0,4}\/L\x61unch\b/
        $win = /\/W\x69n\s{0,4}<</
        $auto = /\/(O\x70enAction|AA)\b/
    condition:
        uint32(0) == 0x46445025 and filesize < 64MB and $launch and $auto and $win
}

rule pdf_javascript_on_open
{
    meta:
        author = "Overt project"
        description = "PDF that runs JavaScript when it is opened"
        reference = "https://attack.mitre.org/techniques/T1059/007/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $open = /\/(O\x70enAction|AA)\b/
        $script = /\/S\s{0,4}\/J\x61vaScript\b/
    condition:
        uint32(0) == 0x46445025 and filesize < 64MB and all of them
}

rule pdf_javascript_unescapes
{
    meta:
        author = "Overt project"
        description = "JavaScript in a PDF that decodes bytes and calls functions known for exploits"
        reference = "https://attack.mitre.org/techniques/T1203/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $unescape = /u\x6eescape\s{0,2}\(\s{0,2}["'](%u[0-9a-f]{4}){2}/ nocase
        $hex = /["'](\\x[0-9a-f]{2}){24}/ nocase
        $f1 = "C\x6fllab.getIcon" nocase
        $f2 = "C\x6fllab.c\x6fllectEmailInfo" nocase
        $f3 = /u\x74il\.p\x72intf\s{0,2}\(\s{0,2}["']%\d{4}/ nocase
        $f4 = "m\x65dia.n\x65wPlayer" nocase
        $f5 = "s\x70ell.c\x75stomDictionaryOpen" nocase
        $f6 = "g\x65tAnnots" fullword
        $f7 = "a\x70p.doc.s\x79ncAnnotScan" nocase
        $f8 = /g\x65tURL\s{0,2}\(\s{0,2}["']j\x61vascript:/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and any of ($unescape, $hex) and
        any of ($f*)
}

rule pdf_javascript_heap_spray
{
    meta:
        author = "Overt project"
        description = "script that fills memory with repeated encoded machine code"
        reference = "https://attack.mitre.org/techniques/T1203/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $sled = /u\x6eescape\s{0,2}\(\s{0,2}["'](%u9090|%u0c0c|%u0d0d|%u0a0a|%u4141|%u0909){2}/ nocase
        $grow = /w\x68ile\s{0,2}\(\s{0,2}\w{1,24}\.l\x65ngth\s{0,2}(\*\s{0,2}2\s{0,2})?<=?\s{0,2}[\w\/*+\-]{2,24}\s{0,2}\)/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and all of them
}

rule pdf_opens_attachment
{
    meta:
        author = "Overt project"
        description = "PDF whose JavaScript writes an attachment out and starts it"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $export = /e\x78portDataObject\s{0,2}\(\s{0,2}\{[^}\n]{0,160}n\x4caunch\s{0,2}["']?\s{0,2}:\s{0,2}[12]/ nocase
    condition:
        filesize < 64MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $export
}

rule pdf_attached_program
{
    meta:
        author = "Overt project"
        description = "PDF with an attachment whose name is that of a program or script"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $file = /\/E\x6dbeddedFiles?\b/
        $name = /\/(UF|F)\s{0,4}\([^)\n]{1,120}\.(e\x78e|s\x63r|c\x6fm|p\x69f|v\x62s|v\x62e|j\x73e|w\x73f|h\x74a|l\x6ek|b\x61t|c\x6dd|ps1|c\x70l|m\x73i|i\x73o|i\x6dg|v\x68dx?|d\x6fcm|x\x6csm|p\x70tm)\)/ nocase
    condition:
        uint32(0) == 0x46445025 and filesize < 64MB and all of them
}

rule pdf_hides_names
{
    meta:
        author = "Overt project"
        description = "PDF that spells the name of an action in hexadecimal to hide it"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $script = /\/(J#61|#4[aA]a\x76a|#4[aA]#61|Ja#76|J\x61v#61|J\x61va#53|J\x61vaS#63|J\x61vaSc#72|J\x61vaScrip#74|J#53)/
        $launch = /\/(L#61|#4[cC]a\x75n|#4[cC]#61|La#75|L\x61u#6[eE]|L\x61un#63|L\x61unc#68)/
        $open = /\/(O#70|#4[fF]p\x65nA|#4[fF]#70|Op#65|O\x70e#6[eE]|O\x70en#41|O\x70enA#63)/
        $file = /\/(#45m\x62edded|E#6[dD]b\x65dded|E\x6dbedded#46|Em#62)/
    condition:
        uint32(0) == 0x46445025 and filesize < 64MB and any of them
}

rule pdf_links_to_program
{
    meta:
        author = "Overt project"
        description = "PDF with a link to a program, script or disk image"
        reference = "https://attack.mitre.org/techniques/T1566/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $link = /\/U\x52I\s{0,4}\(\s{0,2}h\x74tps?:\/\/[^)\s]{4,200}\.(e\x78e|s\x63r|h\x74a|v\x62s|j\x73e|l\x6ek|i\x73o|i\x6dg|m\x73i)\)/ nocase
    condition:
        uint32(0) == 0x46445025 and filesize < 64MB and $link
}

rule pdf_submits_to_address
{
    meta:
        author = "Overt project"
        description = "PDF form that sends its fields to a bare network address"
        reference = "https://attack.mitre.org/techniques/T1566/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $submit = /\/S\s{0,4}\/S\x75bmitForm\b/
        $address = /\(\s{0,2}h\x74tps?:\/\/\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[:\/]/
    condition:
        uint32(0) == 0x46445025 and filesize < 64MB and all of them
}
