/*
  Test strings that scanners agree to detect: harmless by definition.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule eicar_test_file : test
{
    meta:
        author = "Overt project"
        description = "EICAR anti-malware test file: the 68 bytes, then nothing but white space up to 128 bytes"
        reference = "https://www.eicar.org/download-anti-malware-testfile/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $eicar = /X5O!P%@AP\[4\\P\x5aX54\(P\^\)7CC\)7\}\$E\x49CAR-S\x54ANDARD-A\x4eTIVIRUS-T\x45ST-F\x49LE!\$H\+H\*[ \t\r\n\x1a]{0,60}$/
    condition:
        filesize >= 68 and filesize <= 128 and $eicar at 0
}

rule eicar_test_string : test
{
    meta:
        author = "Overt project"
        description = "the EICAR test string inside something that is not the test file itself"
        reference = "https://www.eicar.org/download-anti-malware-testfile/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $eicar = "X\x35O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-S\x54ANDARD-A\x4eTIVIRUS-TEST-FILE!$H+H*"
    condition:
        $eicar and not (filesize <= 128 and $eicar at 0)
}

rule amsi_test_sample : test
{
    meta:
        author = "Overt project"
        description = "Microsoft's test string for scripts handed to the Antimalware Scan Interface"
        reference = "https://learn.microsoft.com/en-us/windows/win32/amsi/antimalware-scan-interface-portal"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $amsi = "A\x4dSI Test Sample: 7e72c3ce-861b-4339-8740-0ac1484c1386" ascii wide
    condition:
        $amsi and filesize < 64KB
}
