/*
  Programs and scripts that collect passwords, cookies, wallets and keys, and send them away.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule stealer_browser_script
{
    meta:
        author = "Overt project"
        description = "script that reads browsers' stored passwords or cookies and sends them to a chat service or server"
        reference = "https://attack.mitre.org/techniques/T1555/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $data = /(L\x6fgin D\x61ta|W\x65b D\x61ta|c\x6fokies\.s\x71lite|l\x6fgins\.j\x73on|L\x6fcal S\x74ate|k\x65y4\.db)/
        $crypt = /(C\x72yptUnprotectData|os_c\x72ypt|e\x6ecrypted_k\x65y|PK11S\x44R_D\x65crypt|w\x69n32c\x72ypt|p\x61ssword_v\x61lue|e\x6ecrypted_v\x61lue|P\x72otectedData\]?(::|\.)U\x6eprotect)/
        $send = /(a\x70i\.t\x65legram\.o\x72g\/b\x6ft|d\x69scord(a\x70p)?\.c\x6fm\/a\x70i\/w\x65bhooks\/|s\x65ndDocument|s\x6dtplib\.S\x4dTP|S\x65nd-M\x61ilMessage|(r\x65quests|h\x74tpx)\.p\x6fst\s{0,2}\(|m\x75ltipart\/f\x6frm-d\x61ta|t\x72ansfer\.sh|g\x6ffile\.io|a\x6eonfiles|f\x69le\.io)/
        $place = /(G\x6fogle(\/|\\{1,2})C\x68rome|M\x69crosoft\\{1,2}E\x64ge|B\x72aveSoftware|O\x70era S\x6fftware|M\x6fzilla\\{1,2}F\x69refox|\.m\x6fzilla|U\x73er D\x61ta)/
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule stealer_program
{
    meta:
        author = "Overt project"
        description = "Windows program that collects browsers' passwords and coin wallets and has a chat service or gate to send them to"
        reference = "https://attack.mitre.org/techniques/T1555/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $b1 = "L\x6fgin Data" ascii wide
        $b2 = "e\x6ecrypted_key" ascii wide
        $b3 = "l\x6fgins.json" ascii wide
        $b4 = /S\x45LECT\s[^\x00]{0,80}(p\x61ssword_v\x61lue|e\x6ecrypted_v\x61lue|c\x61rd_n\x75mber_e\x6ecrypted)/ ascii wide
        $w1 = "w\x61llet.dat" ascii wide
        $w2 = /\\(E\x78odus|E\x6cectrum|E\x74hereum|A\x74omicWallet|A\x74omic|C\x6finomi|J\x61xx|G\x75arda|A\x72mory|Z\x63ash|B\x79tecoin)\\/ ascii wide
        $w3 = "n\x6bbih\x66beogaeaoehlefnkodbefgpgknn" ascii wide
        $w4 = "\\L\x6fcal E\x78tension S\x65ttings\\" ascii wide
        $o1 = "F\x69leZilla\\re\x63entservers.xml" ascii wide nocase
        $o2 = "T\x65legram Desktop\\tdata" ascii wide
        $o3 = /d\x69scord(a\x70p|c\x61nary|p\x74b)?\\L\x6fcal S\x74orage\\l\x65veldb/ ascii wide nocase
        $o4 = "\\S\x74eam\\config\\lo\x67inusers.vdf" ascii wide nocase
    condition:
        uint16(0) == 0x5a4d and filesize < 64MB and 2 of ($b*) and 1 of ($w*) and 1 of ($o*)
}

rule stealer_chat_tokens
{
    meta:
        author = "Overt project"
        description = "script that searches a chat program's storage for log-in tokens and sends them to a web hook"
        reference = "https://attack.mitre.org/techniques/T1528/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $store = /L\x6fcal S\x74orage[\\\/]{1,4}["']?,?\s{0,2}["']?l\x65veldb/ nocase
        $token = /(\[\\w-\]\{24(,26)?\}\\?\.\[\\w-\]\{6\}\\?\.\[\\w-\]\{2[57](,\d{2,3})?\}|m\x66a\\?\.\[\\w-\]\{84\}|d\x51w4w9W\x67XcQ:)/
        $hook = /(d\x69scord(a\x70p)?\.c\x6fm\/a\x70i\/(w\x65bhooks|v\d{1,2}\/u\x73ers\/@me)|a\x70i\.t\x65legram\.o\x72g\/b\x6ft)/
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $store and $hook and $token
}

rule stealer_key_files_script
{
    meta:
        author = "Overt project"
        description = "shell or Python script that uploads private keys and cloud credentials"
        reference = "https://attack.mitre.org/techniques/T1552/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $k1 = /\.s\x73h\/(id_(r\x73a|ed25519|d\x73a|e\x63dsa)|\*|a\x75thorized_k\x65ys|k\x6eown_h\x6fsts)/
        $k2 = ".\x61ws/c\x72edentials"
        $k3 = ".\x64ocker/config.json"
        $k4 = ".\x6bube/config"
        $k5 = /\.(g\x69t-c\x72edentials|n\x65trc|n\x70mrc|p\x79pirc|p\x67pass)\b/
        $k6 = "/\x65tc/shadow"
        $k7 = /\.c\x6fnfig\/g\x63loud\/(c\x72edentials\.db|a\x70plication_d\x65fault_c\x72edentials)/
        $k8 = /\.(e\x6cectrum\/w\x61llets|b\x69tcoin\/w\x61llet\.d\x61t|e\x74hereum\/k\x65ystore|c\x6fnfig\/s\x6flana\/id\.j\x73on)/
        $s1 = /c\x75rl\s[^\n]{0,80}(-F|-T|--u\x70load-f\x69le|--d\x61ta-b\x69nary|-d)\s?["']?[\w=]{0,16}[@$]/
        $s2 = /w\x67et\s[^\n]{0,40}--p\x6fst-(f\x69le|d\x61ta)/
        $s3 = /(r\x65quests|h\x74tpx)\.p\x6fst\s{0,2}\(\s{0,2}[fr]?["']h\x74tps?:\/\//
        $s4 = /\|\s{0,4}(nc|n\x63at)\s{1,2}\S{4,60}\s{1,2}\d{2,5}/
    condition:
        filesize < 128KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and 3 of ($k*) and any of ($s*)
}

rule stealer_environment
{
    meta:
        author = "Overt project"
        description = "script that sends all environment variables to a server"
        reference = "https://attack.mitre.org/techniques/T1552/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $python = /(r\x65quests|h\x74tpx)\.(p\x6fst|g\x65t|p\x75t)\s{0,2}\([^\n]{1,160}(d\x61ta|j\x73on|p\x61rams)\s{0,2}=\s{0,2}[^\n]{0,24}(d\x69ct\s{0,2}\(\s{0,2})?os\.e\x6eviron(\.c\x6fpy\s{0,2}\(\s{0,2}\))?\s{0,2}[),}]/
        $urllib = /u\x72lopen\s{0,2}\([^\n]{1,200}(j\x73on\.d\x75mps|u\x72lencode|b64e\x6ecode)\s{0,2}\([^\n]{0,40}os\.e\x6eviron\b/
        $node = /(h\x6fstname|h\x6fst|f\x65tch|a\x78ios|r\x65quest)\b[^;]{1,400}J\x53ON\.s\x74ringify\s{0,2}\(\s{0,2}p\x72ocess\.e\x6ev\s{0,2}\)/
        $nodesend = /(h\x74tps?\.r\x65quest\s{0,2}\(|f\x65tch\s{0,2}\(\s{0,2}["'`]h\x74tps?:|a\x78ios\.p\x6fst|d\x6es\.(l\x6fokup|r\x65solve)\s{0,2}\()/
        $shell = /\b(e\x6ev|p\x72intenv)\s{0,4}\|\s{0,4}(b\x61se64[^\n|]{0,16}\|\s{0,4})?c\x75rl\s[^\n]{0,120}(-d|--d\x61ta|--d\x61ta-b\x69nary|-F|-T)\s{0,2}["']?[\w=]{0,16}@-/
    condition:
        filesize < 512KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and ($python or $urllib or $shell or ($node and $nodesend))
}

rule stealer_clipboard_wallets
{
    meta:
        author = "Overt project"
        description = "program or script that watches the clipboard and replaces coin addresses"
        reference = "https://attack.mitre.org/techniques/T1115/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $bitcoin = /(\(\?:|\(|\[|\^|\\b)\s{0,2}(bc1|\[13\]|bc1\|\[13\]|\[13\]\|bc1)[^\s\x00]{0,24}\[a-(km-z|zA-Z|zA-H|km)[^\s\x00]{2,40}\]\{\d{2},\d{2}\}/ ascii wide
        $ether = /0x\[a-fA-F0-9\]\{40\}|0x\[A-Fa-f0-9\]\{40\}|0x\[0-9a-fA-F\]\{40\}/ ascii wide
        $monero = /\[?[48]\]?\[0-9AB\]\[1-9A-HJ-NP-Za-km-z\]\{93\}|4\[0-9AB\]\[/ ascii wide
        $get = /(p\x79perclip\.p\x61ste|G\x65tClipboardData|G\x65t-C\x6cipboard|C\x6cipboard\.G\x65tText|c\x6cipboard\.r\x65adText|O\x70enClipboard|C\x6cipboardManager)/ ascii wide
        $set = /(p\x79perclip\.c\x6fpy|S\x65tClipboardData|S\x65t-C\x6cipboard|C\x6cipboard\.S\x65tText|c\x6cipboard\.w\x72iteText|s\x65tPrimaryClip)/ ascii wide
    condition:
        filesize < 16MB and 2 of ($bitcoin, $ether, $monero) and $get and $set
}

rule stealer_python_keylogger
{
    meta:
        author = "Overt project"
        description = "Python that records the keyboard and sends the record away"
        reference = "https://attack.mitre.org/techniques/T1056/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $listen = /(k\x65yboard\.L\x69stener\s{0,2}\(|L\x69stener\s{0,2}\(\s{0,2}on_p\x72ess|k\x65yboard\.on_(p\x72ess|r\x65lease)\s{0,2}\(|p\x79Hook|H\x6fokManager\s{0,2}\()/
        $press = /d\x65f\s{1,2}\w{0,24}(p\x72ess|k\x65y|c\x61llback)\w{0,24}\s{0,2}\(/ nocase
        $send = /(s\x6dtplib\.S\x4dTP|r\x65quests\.p\x6fst\s{0,2}\(|a\x70i\.t\x65legram\.o\x72g\/b\x6ft|d\x69scord(a\x70p)?\.c\x6fm\/a\x70i\/w\x65bhooks\/|f\x74plib\.F\x54P|s\x65ndmail\s{0,2}\()/
        $import = /(i\x6dport|f\x72om)\s{1,2}(p\x79nput|k\x65yboard|p\x79Hook|p\x79Winhook)\b/
    condition:
        filesize < 128KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule stealer_dumps_lsass
{
    meta:
        author = "Overt project"
        description = "command or program that copies the memory of Windows' log-in process"
        reference = "https://attack.mitre.org/techniques/T1003/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $comsvcs = /c\x6fmsvcs(\.d\x6cl)?["']?\s{0,2},?\s{0,2}["']?\s{0,2}(#\s?\+?0{0,4}24|M\x69niDump)\s{1,4}[\d$%(]/ nocase ascii wide
        $procdump = /p\x72ocdump(64)?(\.e\x78e)?["']?\s[^\n]{0,60}-ma\s[^\n]{0,40}l\x73ass(\.e\x78e)?\b/ nocase ascii wide
        $taskmanager = /(r\x64rleakdiag|c\x72eatedump|s\x71ldumper)(\.e\x78e)?["']?\s[^\n]{0,60}\bl\x73ass\b/ nocase ascii wide
    condition:
        filesize < 16MB and any of them
}

rule stealer_logon_secrets
{
    meta:
        author = "Overt project"
        description = "commands of the tool that reads Windows' log-in secrets from memory"
        reference = "https://attack.mitre.org/techniques/T1003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $a = /s\x65kurlsa::(l\x6fgonpasswords|m\x69nidump|p\x74h|t\x69ckets|w\x64igest|e\x6beys)/ nocase ascii wide
        $b = /l\x73adump::(s\x61m|d\x63sync|l\x73a|s\x65crets|c\x61che|t\x72ust)/ nocase ascii wide
        $c = /k\x65rberos::(g\x6flden|p\x74t|l\x69st|p\x75rge)/ nocase ascii wide
        $d = /p\x72ivilege::d\x65bug/ nocase ascii wide
        $e = "g\x65ntilkiwi" nocase ascii wide
    condition:
        filesize < 16MB and 3 of them and (uint16(0) == 0x5a4d or filesize < 64KB)
}

rule stealer_saves_hives
{
    meta:
        author = "Overt project"
        description = "script that saves the parts of Windows' registry that hold accounts' secrets"
        reference = "https://attack.mitre.org/techniques/T1003/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $sam = /\br\x65g(\.e\x78e)?["']?\s{1,4}s\x61ve\s{1,4}["']?(h\x6blm|h\x6bey_l\x6fcal_m\x61chine)\\s\x61m\b/ nocase ascii wide
        $other = /\br\x65g(\.e\x78e)?["']?\s{1,4}s\x61ve\s{1,4}["']?(h\x6blm|h\x6bey_l\x6fcal_m\x61chine)\\(s\x79stem|s\x65curity)\b/ nocase ascii wide
        $shadow = /H\x61rddiskVolumeShadowCopy\d{1,3}\\w\x69ndows\\(s\x79stem32\\c\x6fnfig\\(s\x61m|s\x79stem)|n\x74ds\\n\x74ds\.d\x69t)/ nocase ascii wide
        $ntds = /n\x74dsutil(\.e\x78e)?["']?\s{1,4}["'][^\n]{0,80}(ac(t\x69vate)?\s{1,2}i(n\x73tance)?|i\x66m)[^\n]{0,60}c\x72eate\s{1,2}f\x75ll/ nocase ascii wide
    condition:
        filesize < 4MB and (($sam and $other) or $shadow or $ntds) and
        (uint16(0) == 0x5a4d or filesize < 64KB)
}

rule stealer_macos_dialog
{
    meta:
        author = "Overt project"
        description = "macOS script that asks for the password in a dialog of its own and collects browsers' data or keychains"
        reference = "https://attack.mitre.org/techniques/T1056/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $ask = /d\x69splay d\x69alog [^\n]{1,400}(w\x69th\s{1,2})?h\x69dden a\x6eswer/ nocase
        $want = /(L\x69brary\/K\x65ychains|l\x6fgin\.k\x65ychain|d\x73cl\s{1,2}(\.|\/L\x6fcal\/D\x65fault)\s{1,2}-?a\x75thonly|C\x6fokies\.b\x69narycookies|L\x69brary\/A\x70plication S\x75pport\/(G\x6fogle\/C\x68rome|F\x69refox|B\x72aveSoftware))/
        $send = /(c\x75rl\s|d\x69tto\s{1,2}-c|z\x69p\s{1,2}-r|do s\x68ell s\x63ript)/
    condition:
        filesize < 16MB and all of them
}

rule stealer_wifi_passwords
{
    meta:
        author = "Overt project"
        description = "script that lists stored wireless passwords and sends them away"
        reference = "https://attack.mitre.org/techniques/T1555/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $show = /n\x65tsh\s{1,4}w\x6can\s{1,4}s\x68ow\s{1,4}p\x72ofiles?\b[^\n]{0,80}k\x65y\s{0,2}=\s{0,2}c\x6cear/ nocase ascii wide
        $list = /["',\s]k\x65y=c\x6cear["']/ nocase ascii wide
        $wlan = /["']w\x6can["']\s{0,2},\s{0,2}["']s\x68ow["']/ nocase
        $send = /(s\x6dtplib\.S\x4dTP|r\x65quests\.p\x6fst\s{0,2}\(|a\x70i\.t\x65legram\.o\x72g\/b\x6ft|d\x69scord(a\x70p)?\.c\x6fm\/a\x70i\/w\x65bhooks\/|S\x65nd-M\x61ilMessage|w\x65bhook\.s\x69te|I\x6evoke-(W\x65bRequest|R\x65stMethod)[^\n]{0,120}-M\x65thod\s{1,2}["']?P\x4fST|c\x75rl\s[^\n]{0,80}-F\s)/ nocase ascii wide
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and ($show or ($list and $wlan)) and $send
}
