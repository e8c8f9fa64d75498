"""Whatever a page says, nothing of it becomes HTML or a program."""

from __future__ import annotations

from pathlib import Path

import pytest
from opened_page import Open
from written_pages import SCANS, Written, finding_in

from vlm_core import DocumentReader, DocumentResult, Finding, review

pytestmark = pytest.mark.browser

RUN = "window.ran=1"
INJECTIONS = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"</noscript><script>{RUN}</script>",
    f"</svg><script>{RUN}</script>",
    f"</template><script>{RUN}</script>",
    f"</dialog><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    "<!--<script>",
    "<!--<script><!--<script>",
    f"]]><script>{RUN}</script>",
    f"<SCRIPT SRC='data:text/javascript,{RUN}'></SCRIPT>",
    f"<script type=module>{RUN}</script>",
    f"<script\n>{RUN}</script\n>",
    f"javascript:{RUN}",
    f"[a](javascript:{RUN})",
    f"![a](x' onerror='{RUN})",
    f"<a href=javascript:{RUN}>a</a>",
    f"<a href='java\tscript:{RUN}'>a</a>",
    f"<img src=x onerror={RUN}>",
    f"<img src='x' onload='{RUN}'>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'>",
    f"<math><mtext><script>{RUN}</script></mtext></math>",
    f"<body onload={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe src=javascript:parent.{RUN}></iframe>",
    f"<object data=javascript:{RUN}></object>",
    f"<embed src=javascript:{RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}>",
    f"<marquee onstart={RUN}>",
    f"<div style='background:url(javascript:{RUN})'>",
    "<div style=width:expression(alert(1))>",
    "<style>@import 'http://127.0.0.1:9/x.css'</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<base href=http://127.0.0.1:9/>",
    "<form action=http://127.0.0.1:9/><button>a",
    "<img src=http://127.0.0.1:9/x.png>",
    '" onmouseover="window.ran=1',
    "' onfocus='window.ran=1' autofocus='",
    "` onfocus=`window.ran=1",
    "${window.ran=1}",
    "{{data}} {{program}} {{style}}",
    "\\u003cscript\\u003ewindow.ran=1\\u003c/script\\u003e",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "\u2028window.ran=1\u2029",
    "\ud83d window.ran=1",
    "\u202e>tpircs/<1=nar.wodniw>tpircs<",
    "__proto__ constructor toString",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each text in a heading, a paragraph, a list and a table, as a finding, an expectation and a name."""
    folder = tmp_path_factory.mktemp("hostile")
    pages = []
    for number, said in enumerate(INJECTIONS):
        text = f"# {said}\n\n{said}\n\n- {said}\n\n<table><tr><td>{said}</td></tr></table>\n\nThe end {said}"
        finding = finding_in(text, said, said, kind="text_changed")
        (page,) = (
            DocumentReader(Written(text, [finding, Finding(kind="missing", expected=said)], []))
            .read(SCANS / "receipt.jpg")
            .pages
        )
        facts = {"source": f"{number} {said}", "model": said, "engine": said, "warnings": (said,)}
        pages.append(page.model_copy(update=facts))
    document = DocumentResult(source=str(SCANS / "receipt.jpg"), pages=tuple(pages))
    return review(document, folder / "review.html").path


def test_nothing_of_a_page_runs(hostile: Path, opened: Open) -> None:
    shown = opened(hostile)
    for _ in range(0, 2 * len(INJECTIONS), 7):
        shown.press("nae")
        shown.page.keyboard.press("Escape")
    shown.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert shown.page.evaluate("window.ran") is None
    assert shown.page.evaluate("window.breaches") == []
    assert shown.problems == []
    assert [url for url in shown.requests if not url.startswith(hostile.parent.as_uri())] == []


def test_what_a_page_says_is_shown_as_it_is(hostile: Path, opened: Open) -> None:
    page = opened(hostile).page
    page.locator(f"#page-{len(INJECTIONS) - 1}").wait_for(state="attached")
    titles = page.locator("h2").all_text_contents()
    told = [f"{number} {said}" for number, said in enumerate(INJECTIONS)]
    assert [title.rpartition(", page ")[0] for title in titles if ", page " in title] == told
    assert page.locator("script").count() == 2
    assert page.locator("main script, main style, main iframe, main link, main a, main object").count() == 0


def test_a_program_that_did_get_in_would_not_run(hostile: Path, tmp_path: Path, opened: Open) -> None:
    """That the tests above look in the right place, and that the policy is a second wall."""
    broken = tmp_path / "broken.html"
    text = hostile.read_text(encoding="utf-8")
    smuggled = "<script>window.ran=1</script><img src=x onerror=window.ran=1><p style='color:red'>"
    broken.write_text(text.replace("<header>", f"<header>{smuggled}", 1), encoding="utf-8")
    shown = opened(broken)
    shown.page.locator("#page-0").wait_for()
    assert shown.page.evaluate("window.ran") is None
    assert {"script-src-elem", "script-src-attr", "style-src-attr"} <= set(
        shown.page.evaluate("window.breaches")
    )
