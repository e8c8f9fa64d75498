"""What a model says in place of a page's text, and pages that sound like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlm_core.ocr.refusals import is_refusal, says_no_text


@pytest.mark.parametrize(
    "text",
    [
        "[NO TEXT]",
        "NO_TEXT",
        "No text found.",
        "*[No text could be extracted from this page]*",
        "<No text content found>",
        "There is no text in the image.",
        "There is no visible readable text in this picture.",
        "There isn't any text to extract.",
        "The image does not contain any text.",
        "The provided image doesn't appear to contain any legible text.",
        "The page appears to be blank.",
        "The image is completely white with no visible text or content.",
        "No readable text was detected in the image. It shows a cat.",
        "[Blank page]",
        "Das Bild enthält keinen lesbaren Text.",
        "Kein Text erkannt.",
        "Il n'y a pas de texte dans l'image.",
        "L’image ne contient aucun texte.",
        "No hay texto en la imagen.",
        "La imagen no contiene ningún texto visible.",
        "Non c'è alcun testo nell'immagine.",
        "Não há texto na imagem.",
        "Er is geen leesbare tekst op de afbeelding.",
        "На изображении нет текста.",
        "图片中没有文字。",
        "该图像未包含任何文本内容。",
        "画像にはテキストが含まれていません。",
        "이미지에는 텍스트가 없습니다.",
    ],
    ids=str,
)
def test_that_there_is_no_text_is_understood(text: str) -> None:
    assert says_no_text(text)
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "This page is intentionally left blank.",
        "Blank page",
        "No smoking",
        "No. 12",
        "None",
        "Notes",
        "There is no time like the present.",
        "NO TEXTING WHILE DRIVING",
        "The document is signed by both parties.",
        "The image of the city has changed.",
        "There is no text in the image. " + "The report goes on to say why. " * 20,
        "Kein Zutritt",
        "No hay de qué",
        "图一",
        "",
    ],
    ids=lambda text: text[:40] or "nothing",
)
def test_a_page_with_few_words_has_text(text: str) -> None:
    assert not says_no_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "I’m sorry, I can’t help with that request.",
        "Sorry, I cannot help you with this image.",
        "I'm unable to process images directly.",
        "I am not able to view the image you mentioned. Please describe it.",
        "I cannot extract text from this image because it contains personal information.",
        "Unfortunately, I can't read the text in the image, as it is too blurry.",
        "As an AI language model, I cannot see pictures.",
        "I don't see any image attached to your message.",
        "Please upload the image so that I can read it.",
        "I can't reproduce this page, because it may be under copyright.",
        "I apologize, but I'm not able to identify people in photos.",
        "Es tut mir leid, aber ich kann dieses Bild nicht lesen.",
        "Leider kann ich dir dabei nicht helfen.",
        "Désolé, je ne peux pas lire cette image.",
        "Lo siento, no puedo procesar esta imagen.",
        "Mi dispiace, ma non posso elaborare questa immagine.",
        "Desculpe, não posso processar esta imagem.",
        "Het spijt me, maar ik kan deze afbeelding niet lezen.",
        "Извините, я не могу прочитать это изображение.",
        "抱歉，我无法识别这张图片中的内容。",
        "申し訳ありませんが、この画像を読み取ることはできません。",
        "죄송하지만 이 이미지를 읽을 수 없습니다.",
    ],
    ids=str,
)
def test_a_refusal_is_understood(text: str) -> None:
    assert is_refusal(text)
    assert not says_no_text(text)


LETTER = (
    "Dear Ms Smith,\n\nUnfortunately we cannot process your request, since the attached documents could "
    "not be read. We are sorry for the inconvenience.\n\nYours sincerely,\nJ. Jones"
)


@pytest.mark.parametrize(
    "text",
    [
        LETTER,
        "I'm sorry to hear of your loss.",
        "Sorry, I can't come to the party on Saturday. Love, Ann",
        "Sorry we missed you! We could not deliver your parcel.",
        "Dear Tom, I am sorry that I could not help you with the move. See you soon.",
        "Unfortunately we cannot accept returns without a receipt.",
        "As an artist I cannot complain.",
        "Attach a recent photograph and sign below.",
        "Please provide your full name and address.",
        "NOTICE: We are unable to accept credit cards.",
        "I can't get no satisfaction",
        "I cannot read your handwriting!",
        "Ich kann am Montag leider nicht kommen.",
        "Je ne peux pas venir demain.",
        "No puedo ir mañana.",
        "抱歉，本店今天休息。",
        "I'm sorry, but I can't assist with that. " + "So said the clerk, and closed his window. " * 20,
        "",
    ],
    ids=lambda text: text[:40] or "nothing",
)
def test_a_page_that_is_sorry_is_a_page(text: str) -> None:
    assert not is_refusal(text)


def test_real_pages_are_neither(data: Path) -> None:
    pages = [path.read_text(encoding="utf-8", errors="replace") for path in (data / "pages").glob("*.txt")]
    receipts = [path.read_text() for path in (data / "receipts").glob("*.csv")]
    lines = [line.split(",", 8)[-1] for receipt in receipts for line in receipt.splitlines()]
    texts = [*pages, *(line for page in pages for line in page.splitlines()), *lines]
    assert len(texts) > 1000
    assert [text for text in texts if says_no_text(text) or is_refusal(text)] == []
