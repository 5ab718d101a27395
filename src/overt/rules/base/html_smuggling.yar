/*
  Web pages and mail attachments that build a program in the browser, or trick people into running one.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule html_smuggles_payload
{
    meta:
        author = "Overt project"
        description = "web page that decodes an archive, program or disk image of its own and saves it"
        reference = "https://attack.mitre.org/techniques/T1027/006/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $page = /<(h\x74ml|h\x65ad|b\x6fdy|s\x63ript|!d\x6fctype)\b/ nocase
        $blob = /n\x65w\s{1,2}(B\x6cob|F\x69le)\s{0,2}\(/
        $save = /(c\x72eateObjectURL|m\x73SaveOrOpenBlob|m\x73SaveBlob|\.d\x6fwnload\s{0,2}=|s\x65tAttribute\s{0,2}\(\s{0,2}["']d\x6fwnload["'])/
        $d1 = /\ba\x74ob\s{0,2}\(/
        $d2 = /c\x68arCodeAt\s{0,2}\(/
        $d3 = "f\x72om\x43harCode"
        $data = /["'`,](T\x56qQAA|T\x56pQAA|T\x56oAAA|T\x56pAAA|T\x56pBUl|U\x45sDB|N3q8ry|U\x6dFyIRo|T\x56NDRg|H4s\x49A|0M8R4K\x47x|T\x41AAAAEUAg|5F\x4ace4z\x59p)[A-Za-z0-9+\/=]{64}/
    condition:
        filesize < 64MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $page in (0..4096) and $blob and $save and $data and
        any of ($d1, $d2, $d3)
}

rule html_data_link_program
{
    meta:
        author = "Overt project"
        description = "web page that saves a program or archive out of a data link"
        reference = "https://attack.mitre.org/techniques/T1027/006/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $link = /(h\x72ef|s\x72c|l\x6fcation)\s{0,2}=\s{0,2}["']d\x61ta:[a-z\/\-+.0-9]{3,60};b\x61se64,(T\x56qQAA|T\x56pQAA|T\x56oAAA|T\x56pBUl|U\x45sDB|N3q8ry|U\x6dFyIRo|T\x56NDRg|0M8R4K\x47x|T\x41AAAAEUAg)/ nocase
        $save = /\bd\x6fwnload(\s{0,2}=\s{0,2}["'][^"'\n]{1,80}\.(z\x69p|e\x78e|i\x73o|i\x6dg|r\x61r|7z|js|h\x74a|l\x6ek|s\x63r|d\x6fcm|x\x6csm)|[\s>])/ nocase
    condition:
        filesize < 64MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule html_smuggles_array
{
    meta:
        author = "Overt project"
        description = "web page that saves a program or archive out of a list of numbers"
        reference = "https://attack.mitre.org/techniques/T1027/006/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $page = /<(h\x74ml|h\x65ad|b\x6fdy|s\x63ript|!d\x6fctype)\b/ nocase
        $mz = /\[\s{0,4}(77\s{0,2},\s{0,2}90\s{0,2},|0x4d\s{0,2},\s{0,2}0x5a\s{0,2},|80\s{0,2},\s{0,2}75\s{0,2},\s{0,2}3\s{0,2},\s{0,2}4\s{0,2},|0x50\s{0,2},\s{0,2}0x4b\s{0,2},\s{0,2}0x0?3\s{0,2},\s{0,2}0x0?4\s{0,2},)/ nocase
        $array = /n\x65w\s{1,2}U\x69nt8A\x72ray\s{0,2}\(/
        $save = /(c\x72eateObjectURL|m\x73SaveOrOpenBlob|m\x73SaveBlob)/
    condition:
        filesize < 64MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $page in (0..4096) and $mz and $array and $save
}

rule html_posts_password_to_chat
{
    meta:
        author = "Overt project"
        description = "web page that sends a typed password to a chat service"
        reference = "https://attack.mitre.org/techniques/T1056/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $password = /t\x79pe\s{0,2}=\s{0,2}["']?p\x61ssword\b/ nocase
        $chat = /(a\x70i\.t\x65legram\.o\x72g\/b\x6ft|d\x69scord(a\x70p)?\.c\x6fm\/a\x70i\/w\x65bhooks\/)/ nocase
        $send = /(s\x65ndMessage|f\x65tch\s{0,2}\(|X\x4dLHttpRequest|\$\.(a\x6aax|p\x6fst|g\x65t)\s{0,2}\()/
        $form = /<(f\x6frm|i\x6eput|h\x74ml|b\x6fdy)\b/ nocase
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $form in (0..8192) and all of them
}

rule html_writes_encoded_page
{
    meta:
        author = "Overt project"
        description = "web page that writes itself out of a long run of percent codes"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $write = /d\x6fcument\.w\x72ite(ln)?\s{0,2}\(\s{0,2}(w\x69ndow\.)?(u\x6eescape|d\x65codeURIComponent|d\x65codeURI)\s{0,2}\(\s{0,2}["'](%[0-9a-f]{2}){32}/ nocase
        $write64 = /d\x6fcument\.w\x72ite(ln)?\s{0,2}\(\s{0,2}(w\x69ndow\.)?(d\x65codeURIComponent\s{0,2}\(\s{0,2}(e\x73cape\s{0,2}\(\s{0,2})?)?(w\x69ndow\.)?a\x74ob\s{0,2}\(\s{0,2}["'][A-Za-z0-9+\/]{200}/ nocase
    condition:
        filesize < 16MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule html_application_runs_program
{
    meta:
        author = "Overt project"
        description = "HTML application that starts programs"
        reference = "https://attack.mitre.org/techniques/T1218/005/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $hta = /<h\x74a:a\x70plication\b/ nocase
        $start = /(W\x53cript\.S\x68ell|S\x68ell\.A\x70plication|p\x6fwershell|W\x69n32_P\x72ocess|\.S\x68ellExecute)/ nocase
        $hide = /(w\x69ndow\.(r\x65sizeTo|m\x6fveTo)\s{0,2}\(\s{0,2}(0|-\d)|W\x49NDOWSTATE\s{0,2}=\s{0,2}["']?m\x69nimize|S\x48OWINTASKBAR\s{0,2}=\s{0,2}["']?no|s\x65lf\.c\x6cose|w\x69ndow\.c\x6cose)/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule html_asks_to_paste_command
{
    meta:
        author = "Overt project"
        description = "web page that puts a command on the clipboard and asks people to paste it into Windows' Run box"
        reference = "https://attack.mitre.org/techniques/T1204/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $copy = /(c\x6cipboard\.w\x72iteText\s{0,2}\(|e\x78ecCommand\s{0,2}\(\s{0,2}["']c\x6fpy["'])/ nocase
        $command = /(p\x6fwershell(\.e\x78e)?\s{1,4}-|m\x73hta(\.e\x78e)?\s{1,4}["']?h\x74tps?:|c\x6dd(\.e\x78e)?\s{1,2}\/[ck]\s|m\x73iexec\s|c\x75rl\s[^\n]{1,80}\|\s{0,2}(ba)?sh)/ nocase
        $keys = /(W\x69n(d\x6fws)?(<[^>]{1,60}>|\s|&n\x62sp;){0,12}(k\x65y|b\x75tton|l\x6fgo)?(<[^>]{1,60}>|\s|&n\x62sp;){0,12}\+?(<[^>]{1,60}>|\s|&n\x62sp;){0,12}R\b|C\x74rl(<[^>]{1,60}>|\s|&n\x62sp;){0,12}\+(<[^>]{1,60}>|\s|&n\x62sp;){0,12}V\b)/ nocase
        $verify = /(n\x6ft a r\x6fbot|v\x65rify (t\x68at )?y\x6fu a\x72e (a )?h\x75man|c\x61ptcha|v\x65rification)/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule svg_carries_script
{
    meta:
        author = "Overt project"
        description = "picture (SVG) whose script decodes text and goes to a page or saves a file"
        reference = "https://attack.mitre.org/techniques/T1027/017/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $svg = /<s\x76g\b/ nocase
        $script = /<s\x63ript\b/ nocase
        $d1 = /\ba\x74ob\s{0,2}\(/
        $d2 = "f\x72om\x43harCode"
        $d3 = /d\x65codeURIComponent\s{0,2}\(\s{0,2}e\x73cape/
        $a1 = /\.l\x6fcation(\.h\x72ef)?\s{0,2}=/
        $a2 = /l\x6fcation\.(r\x65place|a\x73sign)\s{0,2}\(/
        $a3 = /\be\x76al\s{0,2}\(/
        $a4 = "c\x72eate\x4fbjectURL"
        $a5 = "d\x6fcument.write"
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $svg in (0..1024) and $script and any of ($d*) and any of ($a*)
}

rule html_login_from_attachment
{
    meta:
        author = "Overt project"
        description = "page that fills in the reader's address from its own link and posts a password to a script elsewhere"
        reference = "https://attack.mitre.org/techniques/T1566/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $password = /t\x79pe\s{0,2}=\s{0,2}["']?p\x61ssword\b/ nocase
        $post = /(a\x63tion\s{0,2}=|\$\.(p\x6fst|a\x6aax)|f\x65tch\s{0,2}\(|X\x4dLHttpRequest)[^\n]{0,200}h\x74tps?:\/\/[^"'\n]{4,120}\.p\x68p\b/ nocase
        $brand = /(S\x69gn in to y\x6fur a\x63count|M\x69crosoft 365|O\x75tlook W\x65b A\x70p|O\x6eeDrive|O\x66fice 365|A\x64obe D\x6fcument C\x6coud|D\x6fcuSign|W\x65bmail)/ nocase
        $prefill = /(a\x74ob\s{0,2}\(\s{0,2}["'][A-Za-z0-9+\/=]{8,80}["']|l\x6fcation\.h\x61sh)/
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}
