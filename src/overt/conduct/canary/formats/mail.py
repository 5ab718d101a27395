"""Mail (RFC 5322, MIME): a message with a picture of noise attached, as a mail program stores it."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from email.policy import SMTP

from overt.conduct.canary.formats import png
from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.noise import Noise

DATE = "Tue, 17 Mar 2026 09:30:00 +0000"


def build(content: Content, noise: Noise) -> bytes:
    """A message from one made-up person to another (domains of RFC 2606)."""
    return message(content, noise, content.noise_bytes * 3 // 4).as_bytes(policy=SMTP)


def message(content: Content, noise: Noise, picture_bytes: int) -> EmailMessage:
    """The message, whose attachment has about `picture_bytes` bytes."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Robin Marlow <robin@example.org>"
    mail["To"] = "Alice Tern <alice@example.com>"
    mail["Date"] = DATE
    mail["Message-ID"] = f"<{noise.letters(20)}@example.org>"
    mail["Subject"] = content.marking
    mail.set_content("\n".join([content.marking, f"Ref. {content.token}", "", *content.sentences]) + "\n")
    picture = png.picture(noise, picture_bytes, {})
    noise.remember(base64.b64encode(picture)[128:])
    mail.add_attachment(picture, maintype="image", subtype="png", filename="picture.png")
    mail.set_boundary("=_" + noise.letters(24))
    return mail


FORMATS = (Format("mail", ".eml", build),)
