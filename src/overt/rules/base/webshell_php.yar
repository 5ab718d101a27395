/*
  PHP web shells: pages that run what the request says.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule webshell_php_eval_request
{
    meta:
        author = "Overt project"
        description = "PHP that evaluates code taken straight from the request"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $eval = /\be\x76al\s{0,8}\(\s{0,8}@?([a-z0-9_]{3,20}\s{0,4}\(\s{0,4}){0,4}@?\$(_G\x45T|_P\x4fST|_R\x45QUEST|_C\x4fOKIE|_S\x45RVER\s{0,2}\[\s{0,2}['"]H\x54TP_)/ nocase
        $assert = /\ba\x73sert\s{0,8}\(\s{0,8}@?(b\x61se64_d\x65code\s{0,4}\(\s{0,4}|s\x74ripslashes\s{0,4}\(\s{0,4}|s\x74r_r\x6ft13\s{0,4}\(\s{0,4}){0,3}@?\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}\[\s{0,2}['"]?\w{1,24}['"]?\s{0,2}\]\s{0,2}\)/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and any of ($eval, $assert)
}

rule webshell_php_command_request
{
    meta:
        author = "Overt project"
        description = "PHP that hands a request parameter to the system shell"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $run = /\b(s\x79stem|s\x68ell_e\x78ec|p\x61ssthru|p\x6fpen|p\x72oc_o\x70en|p\x63ntl_e\x78ec|e\x78ec)\s{0,8}\(\s{0,8}@?(b\x61se64_d\x65code\s{0,4}\(\s{0,4}|u\x72ldecode\s{0,4}\(\s{0,4}|s\x74ripslashes\s{0,4}\(\s{0,4}){0,2}["']?@?\$(_G\x45T|_P\x4fST|_R\x45QUEST|_C\x4fOKIE|\{_G\x45T|\{_P\x4fST)\s{0,2}\[/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and $run
}

rule webshell_php_command_variable
{
    meta:
        author = "Overt project"
        description = "very small PHP page that takes a variable from the request and runs a variable"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $take = /\$\w{1,24}\s{0,4}=\s{0,4}@?\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}\[/
        $run = /\b(s\x79stem|s\x68ell_e\x78ec|p\x61ssthru|p\x6fpen|p\x72oc_o\x70en|e\x78ec|e\x76al|a\x73sert)\s{0,4}\(\s{0,4}(@|b\x61se64_d\x65code\s{0,2}\(\s{0,2})?\$\w{1,24}\s{0,4}[),.]/ nocase
    condition:
        filesize < 1KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule webshell_php_backtick_request
{
    meta:
        author = "Overt project"
        description = "PHP that prints the output of a request parameter run between backticks"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $run = /(e\x63ho|p\x72int|=)\s{0,4}\(?\s{0,4}`\s{0,4}\{?\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}\[[^`\n]{1,48}\]\}?[^`\n]{0,32}`/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and $run
}

rule webshell_php_request_function
{
    meta:
        author = "Overt project"
        description = "PHP that calls a function named by the request with arguments from the request"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $call = /\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}(\[[^\]\n]{1,40}\]|\{[^}\n]{1,40}\})\s{0,2}\(\s{0,4}@?\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}[\[{]/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and $call
}

rule webshell_php_nested_decoders
{
    meta:
        author = "Overt project"
        description = "PHP that evaluates a long encoded literal through decoding functions"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $eval = /\b(e\x76al|a\x73sert)\s{0,8}\(\s{0,8}(["']\s{0,2}\?>\s{0,2}["']\s{0,2}\.\s{0,2})?(g\x7ainflate|g\x7auncompress|g\x7adecode|s\x74r_r\x6ft13|b\x61se64_d\x65code|s\x74rrev|c\x6fnvert_u\x75decode)\s{0,4}\(\s{0,4}((g\x7ainflate|g\x7auncompress|g\x7adecode|s\x74r_r\x6ft13|b\x61se64_d\x65code|s\x74rrev)\s{0,4}\(\s{0,4}){0,5}['"][A-Za-z0-9+\/=]{64}/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and $eval
}

rule webshell_php_preg_replace_eval
{
    meta:
        author = "Overt project"
        description = "PHP that evaluates request data through the e modifier of preg_replace"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $call = /p\x72eg_r\x65place\s{0,4}\(\s{0,4}['"][^'"\n]{1,40}[\/#|~@]([imsxuADSUX]{0,4}e[imsxuADSUX]{0,4})['"]\s{0,4},\s{0,4}[^,\n]{0,24}\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and $call
}

rule webshell_php_callback_request
{
    meta:
        author = "Overt project"
        description = "PHP that passes a callback from the request to a function that calls it"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $first = /\b(a\x72ray_m\x61p|c\x61ll_u\x73er_f\x75nc|c\x61ll_u\x73er_f\x75nc_a\x72ray|r\x65gister_s\x68utdown_f\x75nction)\s{0,4}\(\s{0,4}@?((b\x61se64_d\x65code|s\x74r_r\x6ft13|s\x74rrev)\s{0,4}\(\s{0,4})?\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}\[/ nocase
        $second = /\b(a\x72ray_f\x69lter|u\x73ort|u\x61sort|u\x6bsort|a\x72ray_w\x61lk|c\x72eate_f\x75nction)\s{0,4}\(\s{0,4}[^,;\n]{1,60},\s{0,4}@?((b\x61se64_d\x65code|s\x74r_r\x6ft13|s\x74rrev)\s{0,4}\(\s{0,4})?\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}\[/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and any of ($first, $second)
}

rule webshell_php_writes_request
{
    meta:
        author = "Overt project"
        description = "PHP that writes request data to a file that the request names"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $put = /f\x69le_p\x75t_c\x6fntents\s{0,4}\(\s{0,4}@?((b\x61se64_d\x65code|u\x72ldecode)\s{0,4}\(\s{0,4})?\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}\[[^\n]{1,60}\]\s{0,2}\)?\s{0,2},\s{0,4}@?((b\x61se64_d\x65code|u\x72ldecode|s\x74ripslashes|h\x65x2b\x69n|g\x7ainflate)\s{0,4}\(\s{0,4}){0,2}\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)/ nocase
        $open = /f\x77rite\s{0,4}\(\s{0,4}f\x6fpen\s{0,4}\(\s{0,4}\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)\s{0,2}\[[^\n]{1,60}\]\s{0,2},\s{0,4}['"][wax][+b]{0,2}['"]\s{0,2}\)\s{0,2},\s{0,4}@?([a-z0-9_]{3,20}\s{0,4}\(\s{0,4}){0,2}\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE)/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and any of ($put, $open)
}

rule webshell_php_uploader
{
    meta:
        author = "Overt project"
        description = "small PHP page that stores any uploaded file under the sender's own name"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $move = /(m\x6fve_u\x70loaded_f\x69le|c\x6fpy)\s{0,4}\(\s{0,4}\$_F\x49LES\s{0,2}\[[^\]\n]{1,30}\]\s{0,2}\[\s{0,2}['"]t\x6dp_n\x61me['"]\s{0,2}\]\s{0,4},\s{0,4}([^,;\n]{0,40}\.\s{0,4})?(b\x61sename\s{0,2}\(\s{0,2})?\$_F\x49LES\s{0,2}\[[^\]\n]{1,30}\]\s{0,2}\[\s{0,2}['"]n\x61me['"]/ nocase
        $shown = /(e\x63ho|p\x72int)[^;\n]{0,40}<f\x6frm[^;\n]{0,200}m\x75ltipart\/f\x6frm-d\x61ta/ nocase
    condition:
        filesize < 4KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and $move and $shown
}

rule webshell_php_remote_eval
{
    meta:
        author = "Overt project"
        description = "PHP that evaluates code fetched from elsewhere or from the request's body"
        reference = "https://attack.mitre.org/techniques/T1105/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $eval = /\be\x76al\s{0,4}\(\s{0,4}(["']\s{0,2}\?>\s{0,2}["']\s{0,2}\.\s{0,2})?@?(f\x69le_g\x65t_c\x6fntents|f\x65tch_u\x72l|c\x75rl_e\x78ec|s\x74ream_g\x65t_c\x6fntents)\s{0,4}\(\s{0,4}(["'](h\x74tps?:|d\x61ta:)|\$ch\b|b\x61se64_d\x65code)/ nocase
        $body = /\be\x76al\s{0,4}\(\s{0,4}(["']\s{0,2}\?>\s{0,2}["']\s{0,2}\.\s{0,2})?@?(f\x69le_g\x65t_c\x6fntents|b\x61se64_d\x65code\s{0,2}\(\s{0,2}f\x69le_g\x65t_c\x6fntents)\s{0,4}\(\s{0,4}["']p\x68p:\/\/i\x6eput/ nocase
        $include = /\b(i\x6eclude|r\x65quire)(_o\x6ece)?\s{0,4}\(?\s{0,4}["'](h\x74tps?:\/\/|p\x68p:\/\/i\x6eput|d\x61ta:[a-z\/]{0,12};b\x61se64)/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php and (any of ($eval, $include) or ($body and filesize < 2KB))
}

rule webshell_php_character_building
{
    meta:
        author = "Overt project"
        description = "PHP that spells out a function name or code character by character and then evaluates it"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $php = "<?\x70hp"
        $chr = /(\bc\x68r\s{0,2}\(\s{0,2}(\d{2,3}|0x[0-9a-f]{2})\s{0,2}\)\s{0,2}\.\s{0,2}){12}/ nocase
        $hex = /["'](\\x[0-9a-f]{2}){16}/ nocase
        $globals = /\$\{?["'](\\x[0-9a-f]{2}|\\[0-7]{2,3}|[A-Z]){2,16}["']\}?\s{0,2}\[\s{0,2}["'](\\x[0-9a-f]{2}|\\[0-7]{2,3}|\w){4,40}["']\]\s{0,2}=/
        $eval = /[^\w'"]e\x76al\s{0,4}\(\s{0,4}[\$"'@a-z]/ nocase
    condition:
        filesize < 512KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php in (0..64) and $eval and ($chr or ($hex and $globals))
}

rule webshell_php_in_image
{
    meta:
        author = "Overt project"
        description = "picture with PHP behind its header that runs request data"
        reference = "https://attack.mitre.org/techniques/T1036/008/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?\x70hp"
        $short = "<?="
        $run = /\b(e\x76al|a\x73sert|s\x79stem|e\x78ec|s\x68ell_e\x78ec|p\x61ssthru|i\x6eclude|p\x72eg_r\x65place)\s{0,4}\(\s{0,4}[^;\n]{0,40}\$_(G\x45T|P\x4fST|R\x45QUEST|C\x4fOKIE|F\x49LES)/ nocase
    condition:
        filesize < 8MB and
        (uint32be(0) == 0x47494638 or uint32be(0) == 0x89504e47 or uint16be(0) == 0xffd8 or uint16be(0) == 0x424d) and
        any of ($php, $short) and $run
}

rule webshell_php_encrypted_input
{
    meta:
        author = "Overt project"
        description = "PHP that decrypts the request's body and evaluates it, as encrypted web shells do"
        reference = "https://attack.mitre.org/software/S0020/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?\x70hp"
        $input = "p\x68p://input"
        $aes = "o\x70enssl_decrypt" nocase
        $xor = /\$\w{1,16}\[\$\w{1,8}\]\s{0,2}=\s{0,2}\$\w{1,16}\[\$\w{1,8}\]\s{0,2}\^\s{0,2}\$\w{1,16}\[\$?\w{1,8}\s{0,2}[+&]/
        $eval = /\b(e\x76al|c\x61ll_u\x73er_f\x75nc|a\x73sert)\s{0,4}\(\s{0,4}\$/ nocase
        $session = "$_\x53ESSION"
    condition:
        filesize < 16KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php in (0..64) and $input and $eval and ($xor or ($aes and $session))
}

rule webshell_php_manager
{
    meta:
        author = "Overt project"
        description = "file-manager web shell known by its own title, with a way to run commands"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $php = "<?"
        $t1 = "F\x69lesMan" fullword
        $t2 = "c\x399shell" nocase fullword
        $t3 = "r\x357shell" nocase fullword
        $t4 = "b\x3374k" fullword
        $t5 = /\bW\x53O \d/
        $t6 = "I\x6edoXploit" fullword
        $t7 = "M\x69ni Shell" fullword
        $t8 = "p\x30wny" fullword
        $t9 = "A\x6eon\x79mousFox" fullword
        $r1 = "s\x68ell_exec" fullword
        $r2 = "p\x61ssthru" fullword
        $r3 = "p\x72oc_open" fullword
        $r4 = /\be\x76al\s{0,4}\(/
        $u1 = "s\x61fe_mode"
        $u2 = "d\x69sable_f\x75nctions"
        $u3 = "p\x68p_uname"
        $u4 = "p\x6fsix_g\x65tpwuid"
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $php in (0..64) and any of ($t*) and 2 of ($r*) and 1 of ($u*)
}

rule webshell_htaccess_php_image
{
    meta:
        author = "Overt project"
        description = "Apache configuration that runs pictures or text files as PHP, or puts code before each page"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $type = /\b(A\x64dType|A\x64dHandler|S\x65tHandler)\s{1,8}["']?a\x70plication\/x-h\x74tpd-(p\x68p\d{0,2}|c\x67i)["']?\s{1,8}\.?(j\x70e?g|p\x6eg|g\x69f|i\x63o|t\x78t|c\x73s)\b/ nocase
        $prepend = /a\x75to_(p\x72epend|a\x70pend)_f\x69le\s{0,8}=?\s{0,8}["']?(d\x61ta:|p\x68p:\/\/|h\x74tps?:\/\/|[^\s"']{1,60}\.(j\x70e?g|p\x6eg|g\x69f|i\x63o)\b)/ nocase
    condition:
        filesize < 16KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}
