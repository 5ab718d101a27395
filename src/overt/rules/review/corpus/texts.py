"""Harmless text in several languages, and the markings that are put on it. Invented for this corpus; names, numbers
and addresses are of the ranges that are reserved for examples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """A title, paragraphs and markings of one language, and the charset that its texts were stored in before UTF-8."""

    code: str
    charset: str
    title: str
    paragraphs: tuple[str, ...]
    markings: tuple[str, ...]


LANGUAGES: tuple[Language, ...] = (
    Language(
        "en",
        "cp1252",
        "Minutes of the garden committee",
        (
            "Present were Anna Eriksson and John Smith. The chair welcomed the members and the minutes of the last "
            "meeting were agreed without changes.",
            "The budget for the new path is 1,200.00. Please send invoices to treasurer@example.org or call "
            "+44 20 7946 0958. Account GB29 NWBK 6016 1331 9268 19.",
            "Patient name: John Smith, date of birth 12.08.1974, diagnosis: none. The bank statement and the lease are "
            "attached. The union and the parish have been told.",
            "Next meeting: Tuesday the 14th at the town hall. All members are invited to bring tools, seeds and cake.",
        ),
        (
            "SECRET//NOFORN",
            "TOP SECRET//SI//TK//NOFORN",
            "NATO RESTRICTED",
            "NATO CONFIDENTIAL",
            "NATO SECRET",
            "COSMIC TOP SECRET",
            "OFFICIAL-SENSITIVE",
            "UK SECRET",
            "FOR OFFICIAL USE ONLY",
            "CONTROLLED UNCLASSIFIED INFORMATION",
            "TLP:RED",
            "TLP:AMBER+STRICT",
            "ATTORNEY-CLIENT PRIVILEGED",
            "STRICTLY CONFIDENTIAL",
            "INTERNAL USE ONLY",
            "SECRET",
        ),
    ),
    Language(
        "de",
        "cp1252",
        "Protokoll der Gartenversammlung",
        (
            "Anwesend waren Anna Müller und Jörg Weiß. Das Protokoll der letzten Sitzung wurde ohne Änderung "
            "genehmigt.",
            "Der Haushalt für den neuen Weg beträgt 1.200,00 Euro. Rechnungen bitte an kasse@example.org, Telefon "
            "+49 30 23125 0. Konto DE89 3704 0044 0532 0130 00.",
            "Der Kontoauszug und der Befund liegen bei. Gewerkschaft und Gemeinde sind unterrichtet, "
            "Aktenzeichen 12/24.",
        ),
        (
            "VS-NfD",
            "VS-NUR FÜR DEN DIENSTGEBRAUCH",
            "VS-VERTRAULICH",
            "GEHEIM",
            "STRENG GEHEIM",
            "STAATSGEHEIM",
        ),
    ),
    Language(
        "fr",
        "cp1252",
        "Compte rendu du comité du jardin",
        (
            "Étaient présents Anne Lefèvre et Jean Dupont. Le compte rendu de la dernière réunion a été adopté.",
            "Le budget du nouveau chemin est de 1 200,00 euros. Factures à tresorier@example.org, +33 1 99 00 12 34, "
            "FR14 2004 1010 0505 0001 3M02 606.",
            "Le relevé de compte et le dossier médical sont joints. Le syndicat a été informé.",
        ),
        (
            "CONFIDENTIEL DÉFENSE",
            "SECRET DÉFENSE",
            "TRÈS SECRET DÉFENSE",
            "DIFFUSION RESTREINTE",
            "RESTREINT UE",
        ),
    ),
    Language(
        "es",
        "cp1252",
        "Acta del comité del jardín",
        (
            "Asistieron Ana Núñez y Juan García. El acta de la reunión anterior fue aprobada sin cambios.",
            "El presupuesto del nuevo camino es de 1.200,00 euros. Facturas a tesorero@example.org, +34 910 000 000.",
        ),
        ("MATERIA RESERVADA", "DIFUSIÓN LIMITADA", "ALTO SECRETO", "CONFIDENCIAL"),
    ),
    Language(
        "it",
        "cp1252",
        "Verbale del comitato del giardino",
        (
            "Erano presenti Anna Rossi e Luca Bianchi. Il verbale della riunione precedente è stato approvato.",
        ),
        ("SEGRETO", "SEGRETISSIMO", "RISERVATISSIMO", "SEGRETO DI STATO"),
    ),
    Language(
        "pl",
        "cp1250",
        "Protokół komitetu ogrodowego",
        ("Obecni byli Anna Wiśniewska i Łukasz Żak. Protokół z poprzedniego zebrania przyjęto bez zmian.",),
        ("ŚCIŚLE TAJNE", "ZASTRZEŻONE", "TAJNE"),
    ),
    Language(
        "et",
        "cp1257",
        "Aiakomitee protokoll",
        ("Kohal olid Anna Tamm ja Jüri Õun. Eelmise koosoleku protokoll kinnitati muutmata kujul.",),
        ("TÄIESTI SALAJANE", "SALAJANE"),
    ),
    Language(
        "tr",
        "cp1254",
        "Bahçe komitesi tutanağı",
        (
            "Toplantıya Ayşe Yılmaz ve İsmail Şahin katıldı. Önceki tutanak değişiklik yapılmadan kabul edildi.",
        ),
        ("HİZMETE ÖZEL", "ÇOK GİZLİ", "GİZLİ"),
    ),
    Language(
        "ru",
        "cp1251",
        "Протокол садового товарищества",
        (
            "Присутствовали Анна Иванова и Пётр Сидоров. Протокол прошлого собрания утверждён без изменений.",
            "Смета новой дорожки: 1200,00. Счета просим направлять казначею. Выписка по счету и паспорт приложены.",
        ),
        ("СЕКРЕТНО", "СОВЕРШЕННО СЕКРЕТНО", "ДЛЯ СЛУЖЕБНОГО ПОЛЬЗОВАНИЯ"),
    ),
    Language(
        "uk",
        "cp1251",
        "Протокол садового товариства",
        ("Присутні були Ганна Коваль і Юрій Їжак. Протокол попередніх зборів затверджено без змін.",),
        ("ЦІЛКОМ ТАЄМНО", "ДЛЯ СЛУЖБОВОГО КОРИСТУВАННЯ"),
    ),
    Language(
        "el",
        "cp1253",
        "Πρακτικά της επιτροπής κήπου",
        ("Παρόντες ήταν η Άννα Παππά και ο Γιώργος Νικολάου. Τα πρακτικά εγκρίθηκαν.",),
        ("ΑΠΌΡΡΗΤΟ", "ΆΚΡΩΣ ΑΠΌΡΡΗΤΟ", "ΕΜΠΙΣΤΕΥΤΙΚΌ"),
    ),
    Language(
        "zh",
        "gb18030",
        "花园委员会会议记录",
        ("出席者为王安娜和李强。上次会议的记录一致通过。新路的预算为一千二百元。",),
        ("机密", "绝密", "秘密", "内部资料", "国家秘密"),
    ),
    Language(
        "ja",
        "shift-jis",
        "庭園委員会議事録",
        ("出席者は山田花子と佐藤健です。前回の議事録は承認されました。",),
        ("極秘", "社外秘", "取扱注意"),
    ),
    Language(
        "ko",
        "euc-kr",
        "정원 위원회 회의록",
        ("참석자는 김안나와 이준호입니다. 지난 회의록은 그대로 승인되었습니다.",),
        ("대외비", "극비", "군사기밀"),
    ),
    Language(
        "ar",
        "cp1256",
        "محضر لجنة الحديقة",
        ("حضر كل من آنا يوسف وسامي حداد. تمت الموافقة على محضر الاجتماع السابق.",),
        ("سري للغاية", "سري", "محظور"),
    ),
    Language(
        "fa",
        "cp1256",
        "صورتجلسه کمیته باغ",
        ("آنا رضایی و علی کریمی حاضر بودند.",),
        ("محرمانه", "به کلی سری"),
    ),
    Language(
        "he",
        "cp1255",
        "פרוטוקול ועד הגינה",
        ("נכחו חנה כהן ודוד לוי. הפרוטוקול הקודם אושר ללא שינויים.",),
        ("סודי ביותר", "סודי", "שמור"),
    ),
    Language(
        "ka",
        "utf-8",
        "ბაღის კომიტეტის ოქმი",
        ("ესწრებოდნენ ანა და გიორგი. წინა სხდომის ოქმი დამტკიცდა.",),
        ("საიდუმლო", "სრულიად საიდუმლო"),
    ),
    Language(
        "vi",
        "cp1258",
        "Biên bản của ban làm vườn",
        ("Có mặt: Anna và Minh.",),
        ("TUYỆT MẬT", "TỐI MẬT", "LƯU HÀNH NỘI BỘ"),
    ),
    Language("hi", "utf-8", "उद्यान समिति का कार्यवृत्त", ("अन्ना और राज उपस्थित थे।",), ("गोपनीय", "परम गुप्त")),
)
"""Twenty languages; Latin, Cyrillic, Greek, Han, kana, Hangul, Arabic, Hebrew, Georgian and Devanagari script."""
