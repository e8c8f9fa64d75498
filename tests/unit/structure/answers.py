# ruff: noqa: E501  an answer is easiest to read on one line
"""Answers as vision models give them, well-formed, cut, nested, mixed and hostile. Each word occurs once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

_PLAIN = {
    "paragraphs": "@ @ @.\n\n@ @\n@ @",
    "headings": "# @ @\n\n## @\n\n@\n\n### @ ###\n\n@\n===\n\n@\n---\n\n@",
    "bullets": "- @\n- @ @\n* @\n+ @",
    "numbers": "1. @\n2. @\n3) @\n7. @",
    "nested lists": "- @\n  - @\n    - @\n  - @\n- @\n\n1. @\n   - @\n   - @\n2. @",
    "loose list": "- @\n\n  @ @\n\n- @\n\n      @\n",
    "list in one line": "- - - @\n- 1. @",
    "list with a table": "1. @\n\n   | @ | @ |\n   |---|---|\n   | @ | @ |\n\n2. @",
    "list with code": "- @\n\n  ```\n  @ @\n  ```\n- @",
    "deep number": "- @\n  3. @\n- @\n\n@\n4. @",
    "emphasis": "**@** *@* ***@*** ~~@~~ __@__ _@_ `@` ``@``",
    "stars": "* * *\n@ * @ ** @ *@\n***\n@",
    "signs": "@ < @ > @ & @ # @ | @ ~ @ ^ @ \\ @ ` @ $ @ _ @",
    "line beginnings": "@\n\\# @\n\\- @\n\\> @\n1\\. @\n\\+ @\n\\| @\n\\--- @",
    "escapes": "\\*@\\* \\[@\\] \\`@\\` \\_@\\_ \\\\ @ &amp; @ &lt;@&gt; &#35; @",
    "links": "[@](https://@.org/a) [@](#p) <https://@.org> [@][@] [@]: @",
    "definitions": "[1]: @\n\n[^2]: @ @\n\n[@]: <@> '@'",
    "pictures": "![@ @](a.png)\n\n@ ![@](b.png) @\n\n![](c.png)\n\n![@][x]",
    "caption": "![@](a.png)\n\nFigure 1: @ @\n\nTable 2. @\n\n| @ |\n|---|\n| @ |",
    "inline formulas": "@ $x_@*2*3$ @ \\(a_@ * b\\) @ $5 to $6 @ $$y_@$$ @ $@ @$ @",
    "formulas": "$$\nE = @^2\n$$\n\n\\[ @ + @ \\]\n\n$$ @ $$\n\n@ $$ @\n\n$$@",
    "formula with blank lines": "$$\n@\n\n@\n$$\n@",
    "code": "```python\n@ = '`@`'\n\n    @\n```\n\n~~~\n``` @\n~~~\n\n    @",
    "fenced page": "```html\n<p>@</p><table><tr><td>@</td></tr></table>\n```\n\n```markdown\n# @\n\n| @ |\n|--|\n| @ |\n```",
    "quotations": "> @\n> @\n>\n> > @\n> - @\n\n@",
    "breaks": "@  \n@\\\n@<br>@<br/>@",
    "pipe table": "| @ | @ |\n|:--|--:|\n| @ | @ @ |\n| @ |  |",
    "pipe table alone": "@ | @\n---|---\n@ | @",
    "pipes in cells": "| @ | @ |\n|---|---|\n| @ \\| @ | `@ \\| @` |\n| **@** | $a\\|@$ |\n| @<br>@ | @ \\\\ @ |",
    "table without header": "|  |  |\n|---|---|\n| @ | @ |\n| @ | @ |",
    "wide rows": "| @ | @ |\n|---|---|\n| @ | @ | @ | @ |\n| @ |\n| @ | @ | @ |",
    "table and text": "@\n| @ | @ |\n|---|---|\n| @ | @ |\n@ @\n\n@",
    "no delimiter": "| @ | @ |\n| @ | @ |",
    "wrong delimiter": "| @ | @ |\n|---|\n| @ | @ |",
    "table in a quotation": "> | @ | @ |\n> |---|---|\n> | @ | @ | @ |",
    "empty table": "| | |\n|---|---|\n| | |\n\n@",
    "html table": "<table><tr><th>@</th><th>@</th></tr><tr><td>@ @</td><td>@</td></tr></table>",
    "html table in lines": "@\n<table>\n  <thead>\n\n  <tr>\n  <td>@</td>\n\n <td>@\n\n@</td></tr></thead>\n</table>\n# @",
    "spans": '<table><tr><th rowspan="2">@</th><th colspan="2">@</th></tr><tr><th>@</th><th>@</th></tr>'
    "<tr><td>@</td><td>@</td><td>@</td></tr></table>",
    "spans that run on": '<table><tr><td rowspan="99">@</td><td colspan="99">@</td></tr><tr><td>@</td></tr></table>',
    "spans that meet": '<table><tr><td>@</td><td rowspan="2">@</td></tr><tr><td colspan="3">@</td></tr></table>',
    "header column": "<table><tr><th>@</th><td>@</td></tr><tr><th>@</th><td>@</td></tr></table>",
    "two header rows": "<table><tr><th>@</th></tr><tr><th>@</th></tr><tr><td>@</td></tr></table>",
    "caption in a table": "<table><caption>@ @</caption><tr><td>@</td></tr></table>",
    "table in a table": "<table><tr><td>@<table><tr><td>@</td><td>@</td></tr></table>@</td></tr></table>",
    "cells without rows": "<table><td>@<td>@</table><td>@</td>",
    "text in a table": "<table>@<tr>@<td>@</td>@</tr>@</table>@",
    "markup in cells": "<table><tr><td><b>@</b><br><p>@</p><ul><li>@</li></ul></td><td><a href='#'>@</a></td></tr></table>",
    "table in a paragraph": "@ *@* <table><tr><td>@</td></tr></table> @ **@** <TABLE><TR><TD>@</TABLE>",
    "unclosed table": "<table><tr><td>@</td><td>@\n\n# @\n\n@",
    "html page": "<!DOCTYPE html><html><head><title>a</title></head><body><h1>@</h1><p>@<br>@</p><ol start=3><li>@"
    "<ul><li>@</ul><li>@</ol><dl><dt>@<dd>@</dl><pre>@\n  @</pre><hr>@</body></html>",
    "html blocks": "<div>\n<p>@</p>\n\n<h2>@</h2>\n\n    <p>@</p>\n</div>\n\n<center>@</center>\n@",
    "html lists": "<ul>\n\n<li>@</li>\n\n<li>@<p>@</p></li></ul>\n\n<ol><li value=4>@</li><li>@</li></ol>",
    "furniture": "<header>@</header>\n\n@\n\n<footer>@ @</footer>\n\n<page_number>@</page_number>\n\n"
    "<watermark>@</watermark>",
    "figure": "<figure><img src='a' alt='@ @'><figcaption>@</figcaption></figure>\n\n<img alt='@'>",
    "inline html": "@ <sup>@</sup> <u>@</u> <mark>@</mark> <span style='x'>@</span> <!-- --> <custom>@</custom>",
    "names in brackets": "<@> @ <Your @> <@ @>\n\n<@>\n\n< @ >",
    "check boxes": "- [x] @\n- [ ] @\n\n<input type='checkbox' checked> @ ☐ @ ☑ @",
    "broken html": "<p>@ <b>@ <i>@</p> @ </div></div> <p <p>@ & @ &nbsp;@ &bogus; @",
    "otsl": "<otsl><ched>@<ched>@<nl><fcel>@<ecel><nl><fcel>@<lcel><nl></otsl>\n\n@",
    "otsl with joined cells": "@<fcel>@<lcel><fcel>@<nl><ucel><xcel><fcel>@<nl><fcel>@<fcel>@<fcel>@<nl>@",
    "otsl cut": "<fcel>@<fcel>@<nl><fcel>@",
    "two otsl tables": "<fcel>@<nl><fcel>@<nl>\n@\n<fcel>@<nl>",
    "other languages": "# 你好 @\n\n| 名 @ | 値 |\n|---|---|\n| مرحبا @ | שלום |\n\n@ Straße İ ß ǆ @",
    "odd blanks": "@\u00a0@\u3000@\t@\u2028@\x0b@\x0c@\x85@\r\n@\r@\x00@",
    "furniture of signs": "@ --- @\n***\n@ ___ @\n\n---\n\n@\n\n===\n\n@\n\n|||\n\n@\n\n:-:\n\n@",
    "dialogue": "- @: - @\n– @ — @\n• @\n· @\n(a) @\na. @\niv. @",
    "scripts": "<script>alert(1)</script>@ <style>p{}</style>@ <iframe src=x></iframe>@\n\n<script>\nif (a < b) x();\n</script>\n@",
    "handlers": "<p onclick='alert(1)'>@</p><img src=x onerror=alert(1) alt='@'>[@](javascript:alert%281%29) <svg onload=x></svg>@",
}
_HOSTILE = {
    "10,000 columns of pipes": "|" + " @ |" * 10_000 + "\n|" + "---|" * 10_000 + "\n|" + " @ |" * 10_000,
    "10,000 columns of html": "<table><tr>" + "<td>@</td>" * 10_000 + "</tr></table>",
    "a cell of 1 MB": "<table><tr><td>" + "word " * 200_000 + "@</td></tr></table>",
    "a cell of 1 MB between pipes": "| @ |\n|---|\n| " + "word " * 200_000 + " |",
    "a line of 1 MB": "word " * 200_000 + "@",
    "huge spans": "<table><tr><td colspan=99999999 rowspan=99999999>@</td><td>@</td></tr></table>",
    "many spans": "<table>" + "<tr><td colspan=1000 rowspan=65534>@</td></tr>" * 500 + "</table>",
    "long rows and many": "<table><tr>"
    + "<td>@</td>" * 3000
    + "</tr>"
    + "<tr><td>@</td></tr>" * 1000
    + "</table>",
    "deep quotations": ">" * 10_000 + " @",
    "deep lists": "".join("  " * level + "- @\n" for level in range(200)),
    "lists in one line": "- " * 2000 + "@",
    "deep html": "<div>" * 20_000 + "@" + "</div>" * 20_000,
    "deep tables": "<table><tr><td>@" * 500,
    "unclosed tables": "<table>\n\n@\n\n" * 500,
    "unclosed tables before an end": "<table>" * 2000 + "@</table>",
    "open brackets": "[" * 5000 + "@" + "]" * 100,
    "open brackets and parentheses": "[a](" * 1000 + "@",
    "pictures in pictures": "![" * 1000 + "@",
    "stars without end": "*" * 20_000 + "@" + " *a_ **b" * 500,
    "ticks": "".join("`" * size + " " for size in range(1, 300)) + "@",
    "dollars": "$5 " * 20_000 + "@",
    "escaped dollars": "\\$" * 20_000 + "@",
    "opening formulas": "\\[\n" * 3000 + "@",
    "opening tags": "<" * 20_000 + "@",
    "opening tables": "<table" * 5000 + "@",
    "entities": "&amp;" * 20_000 + "@ &#x110000; &#0; @",
    "comments": "<!--" * 2000 + " a -->\n\n@",
    "otsl without end": "<fcel>@" * 3000,
    "otsl over and over": "<nl>" * 5000 + "@",
    "headings": "#" * 10_000 + " @",
    "backslashes": "\\" * 20_001 + "@",
    "delimiters": "|---" * 5000 + "\n" + "|---" * 5000 + "\n@",
}


def _numbered(template: str, numbers: Iterator[int]) -> str:
    first, *rest = template.split("@")
    return first + "".join(f"w{next(numbers)}q{part}" for part in rest)


def answers() -> dict[str, str]:
    """All of them by name: each as it is, cut at three places, behind another and in a quotation."""
    found = {name: _numbered(template, count()) for name, template in (_PLAIN | _HOSTILE).items()}
    others = list(_PLAIN.values())
    for number, (name, template) in enumerate(_PLAIN.items()):
        whole = found[name]
        found |= {f"{name}, cut at {part}/5": whole[: len(whole) * part // 5] for part in (2, 3, 4)}
        neighbour = others[(number * 7 + 3) % len(others)]
        found[f"{name}, behind another"] = _numbered(f"{neighbour}\n\n{template}", count())
        found[f"{name}, in a quotation"] = "\n".join(f"> {line}" for line in whole.split("\n"))
    return found
