/*
  Coin miners and the scripts that install them on other people's machines.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule miner_xmrig_config
{
    meta:
        author = "Overt project"
        description = "configuration of a Monero miner"
        reference = "https://attack.mitre.org/techniques/T1496/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $donate = /"d\x6fnate-l\x65vel"\s{0,4}:/
        $pools = /"p\x6fols"\s{0,4}:/
        $user = /"(u\x73er|w\x61llet)"\s{0,4}:\s{0,4}"[0-9A-Za-z.+\-_@]{20}/
        $algo = /"(rx\/0|r\x61ndomx|cn\/r|cn\/\w{1,6}|c\x72yptonight|a\x6cgo|c\x6fin)"/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule miner_command_line
{
    meta:
        author = "Overt project"
        description = "command line or script that starts a coin miner with a pool and a wallet"
        reference = "https://attack.mitre.org/techniques/T1496/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $pool = /(-o|--u\x72l|--p\x6fol|-P|--s\x65rver)[= ]{1,2}["']?s\x74ratum[12]?\+(t\x63p|s\x73l|t\x6cs|u\x64p):\/\/[A-Za-z0-9.\-]{4,60}/
        $bare = /(x\x6drig|x\x6dr-s\x74ak|m\x69nerd|c\x70uminer|c\x63miner|n\x62miner|l\x6flminer|p\x68oenixminer|e\x74hminer|n\x61nominer|s\x72bminer)(\.e\x78e)?\s{1,2}[^\n]{0,60}(-o|--u\x72l|--p\x6fol)[= ]/ nocase
        $user = /\s(-u|--u\x73er|-O|--u\x73erpass|--w\x61llet)[= ]["']?[A-Za-z0-9]{24}/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of ($pool, $bare) and $user
}

rule miner_program
{
    meta:
        author = "Overt project"
        description = "coin-mining program"
        reference = "https://attack.mitre.org/techniques/T1496/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $donate = /d\x6fnate-(l\x65vel|o\x76er-p\x72oxy)/
        $algo = /(r\x61ndomx|c\x72yptonight|rx\/0|cn\/r\b|e\x74hash|k\x61wpow|a\x73trobwt)/ nocase
        $pool = /s\x74ratum\+(t\x63p|s\x73l|t\x6cs)/
        $login = /("m\x65thod":\s?"(l\x6fgin|m\x69ning\.s\x75bscribe)"|m\x69ning\.s\x75bscribe|j\x6fb_id|n\x69cehash)/
    condition:
        (uint16(0) == 0x5a4d or uint32(0) == 0x464c457f) and filesize < 64MB and all of them
}

rule miner_kills_rivals
{
    meta:
        author = "Overt project"
        description = "script that kills other people's coin miners and fetches its own"
        reference = "https://attack.mitre.org/techniques/T1496/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $r1 = /(p\x6bill|k\x69llall|k\x69ll)\b[^\n]{0,80}\bk\x69nsing/
        $r2 = /(p\x6bill|k\x69llall|k\x69ll|rm)\b[^\n]{0,80}k\x64evtmpfsi/
        $r3 = /(p\x6bill|k\x69llall|k\x69ll|g\x72ep)\b[^\n]{0,80}\b(x\x6drig|x\x6dr-s\x74ak|x\x6drigDaemon|x\x6drigMiner)/
        $r4 = /(p\x6bill|k\x69llall|k\x69ll|g\x72ep)\b[^\n]{0,80}\b(m\x69nerd|c\x70uminer|m\x69nergate|n\x69cehash)/
        $r5 = /(p\x6bill|k\x69llall|k\x69ll|g\x72ep)\b[^\n]{0,80}\b(c\x72yptonight|s\x74ratum|m\x6fnero|m\x6fneropool|n\x61nopool|s\x75pportxmr|m\x69nexmr|c3p\x6fol)/
        $r6 = /(p\x6bill|k\x69llall|k\x69ll|rm)\b[^\n]{0,80}\b(w\x61tchbog|w\x61tchdogs|k\x74hrotlds|s\x79supdate|n\x65tworkservice|d\x64gs|qW3xT|s\x75stes|k\x65rberods)/
        $fetch = /(c\x75rl|w\x67et|b\x61se64\s{1,2}-d|c\x72ontab)\b/
    condition:
        filesize < 512KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and 3 of ($r*) and $fetch
}

rule miner_web_page
{
    meta:
        author = "Overt project"
        description = "web page that mines coins in the visitor's browser"
        reference = "https://attack.mitre.org/techniques/T1496/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $coinhive = /n\x65w\s{1,2}C\x6fin(H\x69ve|I\x6dp|H\x61ve)\.(A\x6eonymous|U\x73er|T\x6fken)\s{0,2}\(/ nocase
        $client = /n\x65w\s{1,2}C\x6cient\.A\x6eonymous\s{0,2}\(\s{0,2}["'][0-9a-f]{40,64}["']\s{0,2},\s{0,2}\{\s{0,2}t\x68rottle/
        $wasm = /(c\x72yptonight|r\x61ndomx)\.w\x61sm/
        $socket = /n\x65w\s{1,2}W\x65bSocket\s{0,2}\(\s{0,2}["']w\x73s?:\/\/[^"'\n]{4,100}["']/
        $worker = /n\x65w\s{1,2}W\x6frker\s{0,2}\(/
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and (any of ($coinhive, $client) or all of ($wasm, $socket, $worker))
}

rule miner_systemd_unit
{
    meta:
        author = "Overt project"
        description = "service or scheduled task that keeps a coin-mining program alive"
        reference = "https://attack.mitre.org/techniques/T1496/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $unit = /(\[S\x65rvice\]|@r\x65boot|\*\/\d{1,2}\s{1,4}\*)/
        $start = /(E\x78ecStart\s{0,2}=|@r\x65boot|\*\s{1,4}\*\s{1,4}\*)[^\n]{0,120}(x\x6drig|x\x6dr-s\x74ak|m\x69nerd|c\x70uminer|c\x63miner|n\x62miner|l\x6flminer|--d\x6fnate-l\x65vel|s\x74ratum\+t\x63p:)/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}
