"""What models say in place of a page's text: that there is none, or that they will not read it."""

from __future__ import annotations

import re

NO_TEXT_WORD = "[NO TEXT]"
"""What a general model is asked to answer for a page without text."""

# Characters; who reads a page writes more, and who has only a remark to make writes less.
_LONGEST_REMARK = 240
_LONGEST_REFUSAL = 500

_KINDS = r"(?:visible |readable |legible |discernible |recogni[sz]able |extractable |actual |printed )*"
_WORDS = rf"{_KINDS}(?:text|words|writing)\b"
_PAGE = r"the (?:provided |attached |given )?(?:image|picture|page|document)"
_NO_TEXT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\[?no[ _]text(?: content)?(?: was)?(?: found| detected| visible| present)?[].]?\Z",
        r"\[(?:blank|empty)(?: page| image)?\]\Z",
        rf"there (?:is|are|was|appears to be|seems to be) no {_WORDS}",
        rf"there (?:isn['’]t|is not) any {_WORDS}",
        rf"\[?no {_WORDS} (?:(?:is|was|were|could be|can be) )?"
        r"(?:found|detected|visible|present|seen|in|on|extracted)\b",
        rf"{_PAGE} (?:does not|doesn['’]t) (?:appear to |seem to )?(?:contain|have|show) (?:any )?{_WORDS}",
        rf"{_PAGE} contains no {_WORDS}",
        rf"{_PAGE} (?:is|appears to be|seems to be) (?:completely |entirely |totally )?"
        r"(?:a )?(?:blank|empty|white)\b",
        r"(?:es (?:ist|gibt|wurde|befindet sich) |auf dem bild (?:ist|befindet sich) )?"
        r"kein(?:en)? (?:lesbarer |lesbaren |sichtbarer |sichtbaren )?text "
        r"(?:auf|in|im|erkannt|gefunden|vorhanden|sichtbar|zu)\b",
        r"das bild enthält keinen\b.{0,30}\btext\b",
        r"(?:il n['’]y a |l['’]image ne contient )?(?:aucun|pas de) texte\b",
        r"(?:no hay|la imagen no contiene|no se (?:encontró|detectó|encuentra)) (?:ningún )?texto\b",
        r"(?:non c['’]è|l['’]immagine non contiene|nessun)(?: alcun| nessun)? testo\b",
        r"(?:não há|a imagem não contém) (?:nenhum )?texto\b",
        r"(?:er is geen|geen leesbare|de afbeelding bevat geen) .{0,20}tekst\b",
        r"(?:на изображении (?:нет|отсутствует)|изображение не содержит) .{0,20}текст",
        r"(?:该|这张|此|本)?(?:图片|图像|图|页面)(?:中|上|里|内)?(?:没有|无|未|不)[^。\n]{0,10}(?:文字|文本)",
        r"(?:この)?(?:画像|ページ)(?:に|の中に)?(?:は|には)?[^。\n]{0,6}(?:テキスト|文字)(?:は|が)(?:含まれて|あり|見)",
        r"(?:이 )?(?:이미지|페이지)에(?:는)? [^.\n]{0,10}(?:텍스트|글자)가 (?:없|포함)",
    )
)

_SEEN = r"(?:images?|pictures?|photos?|photographs?|scans?|attachments?)"
_READ = (
    r"(?:view|see|access|read|extract|transcribe|identify|analy[sz]e|process|describe|recogni[sz]e|convert|"
    r"interpret|open|perform|provide|generate|reproduce|fulfil+|comply|display|discuss)"
)
_CANNOT = (
    r"\bI(?:['’]m| am|['’]ve been)? ?(?:can(?:['’]?t|not| not)|could(?:n['’]t| not)|won['’]t|will not|"
    r"(?:not able|unable) to|(?:do not|don['’]t) (?:have|see))"
)
_THAT = rf"(?:that|this|it|(?:this|that|your) request|(?:this|that|the) {_SEEN})\s*(?:[.,!]|\Z)"
_ICH_KANN = r"\b(?:ich (?:kann|darf|konnte)|(?:kann|darf|konnte) ich)\b"
# Gaps have an end, and so has what it takes to look for them.
_REFUSALS = tuple(
    re.compile(rf"\A{pattern}", re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf".{{0,80}}{_CANNOT}.{{0,40}}\b{_READ}\b.{{0,80}}\b(?:{_SEEN}|requests?|copyright)\b",
        rf".{{0,80}}{_CANNOT}.{{0,20}}\b{_READ}\b.{{0,30}}\btext\b.{{0,40}}\b(?:from|in|of)\b.{{0,30}}"
        rf"\b(?:{_SEEN}|document)\b",
        rf".{{0,80}}{_CANNOT}.{{0,20}}\b(?:any|an|the|your) {_SEEN}\b",
        rf".{{0,60}}{_CANNOT}.{{0,10}}\b(?:assist|help)(?: you)? with {_THAT}",
        r"(?:as|being) an? (?:AI|language model|text-based).{0,120}\b(?:can(?:['’]?t|not)|unable|not able)\b",
        r"(?:please|could you|can you).{0,40}\b(?:upload|attach|provide|share|send)\b.{0,40}"
        rf"\b{_SEEN}\b",
        rf".{{0,60}}{_ICH_KANN}.{{0,80}}\b(?:bild\w*|anfrage|dabei|damit)\b.{{0,80}}"
        r"\b(?:nicht|helfen|lesen|erkennen|kein\w*)\b",
        r".{0,60}\bje (?:ne peux|suis désolée?, mais|ne suis pas en mesure).{0,80}"
        r"\b(?:image|demande|photo|vous aider avec (?:cela|ça))\b",
        r".{0,60}\bno (?:puedo|soy capaz de)\b.{0,80}"
        r"\b(?:imagen|solicitud|foto|ayudar(?:te|le)? con eso)\b",
        r".{0,60}\bnon (?:posso|sono in grado)\b.{0,80}\b(?:immagine|richiesta|foto)\b",
        r".{0,60}\bnão (?:posso|consigo)\b.{0,80}\b(?:imagem|solicitação|pedido|foto)\b",
        r".{0,60}\b(?:ik kan|kan ik)\b.{0,80}\b(?:afbeelding|verzoek|foto)\b.{0,60}\b(?:niet|geen|helpen)\b",
        r".{0,60}\bя не могу\b.{0,80}(?:изображени|запрос|картинк|помочь с этим)",
        r".{0,20}(?:抱歉|对不起|很遗憾).{0,30}(?:无法|不能).{0,40}(?:图|识别|处理|提供|请求|协助|帮助)",
        r".{0,30}(?:申し訳|すみません|残念ながら).{0,60}(?:画像|リクエスト|ご要望|お手伝い).{0,60}(?:できま|ません)",
        r".{0,30}(?:죄송|미안).{0,60}(?:이미지|요청|도와|사진).{0,60}(?:없|못|않)",
    )
)


def says_no_text(text: str) -> bool:
    """Whether an answer is not a page's text but the remark that there is none.

    Example:
        >>> says_no_text("There is no visible text in the image."), says_no_text("No smoking in the house")
        (True, False)
    """
    bare = text.strip().strip("*_`\"'“”<>() ")
    return 0 < len(bare) <= _LONGEST_REMARK and any(pattern.match(bare) for pattern in _NO_TEXT)


def is_refusal(text: str) -> bool:
    """Whether an answer is not a page's text but a model that declines, in one of a dozen languages.

    Only short answers are, in which the model speaks of itself and of the picture or the request: a letter
    that says "Unfortunately we cannot ..." is a page like any other.

    Example:
        >>> is_refusal("I'm sorry, but I can't assist with that."), is_refusal("I'm sorry for your loss.")
        (True, False)
    """
    bare = text.strip()
    return 0 < len(bare) <= _LONGEST_REFUSAL and any(pattern.match(bare) for pattern in _REFUSALS)
