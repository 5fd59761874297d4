"""check_page.py WHAT PAGE - checks a page in a headless browser. Ends with an exception if something is wrong."""

import sys

from browser import Browser

SIZES = ((1280, 800, False), (390, 844, True))


def expect(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r} is not {expected!r}")


def text_of(browser, name):
    return browser.evaluate(f"document.getElementById('{name}').textContent")


def middle_of(browser, name):
    place = browser.evaluate(
        f"(() => {{ const box = document.getElementById('{name}').getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2]; })()")
    return place[0], place[1]


def place_of(browser, call):
    """Where a call, given by its evt.num, is in the window."""
    return browser.evaluate(
        f"(() => {{ const place = placeOf(callByNumber({call})), box = canvas.getBoundingClientRect();"
        " return [box.x + place.x, box.y + place.y]; })()")


def press(browser, name):
    browser.click(*middle_of(browser, name))


def search(browser, query):
    press(browser, "search")
    browser.evaluate("document.getElementById('search').select()")
    browser.call("Input.insertText", text=query)
    browser.drawn()


def span(browser):
    return browser.evaluate("view.to - view.from")


def colors(browser):
    """How many colors the picture has."""
    return browser.evaluate(
        "new Set(new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size")


def is_drawn(browser, page):
    backgrounds = set()
    for theme in ("light", "dark"):
        for width, height, is_mobile in SIZES:
            browser.size(width, height, is_mobile)
            browser.theme(theme)
            browser.open(page)
            if colors(browser) < 10:
                raise AssertionError(f"the picture is empty: {theme}, {width}x{height}")
            fits = browser.evaluate("document.documentElement.scrollWidth <= innerWidth"
                                    " && document.documentElement.scrollHeight <= innerHeight"
                                    " && canvas.getBoundingClientRect().height >= 200")
            expect(fits, True, f"the page fits into {width}x{height}")
            backgrounds.add((theme, browser.evaluate("getComputedStyle(document.body).backgroundColor")))
    expect(len(backgrounds), 2, "a background for each theme")


def use(browser, page):
    is_drawn(browser, page)
    browser.size(1280, 800)
    browser.open(page)

    search(browser, "evt.res = EPIPE")
    expect(text_of(browser, "found"), "1 of 25 calls matches", "the search")
    search(browser, "(proc.name = app and evt.failed = true) or evt.num in (4, 8)")
    expect(text_of(browser, "found"), "4 of 25 calls match", "the search with and, or, in")
    search(browser, "not fd.name contains run and evt.latency >= 1000")
    expect(text_of(browser, "found"), "2 of 25 calls match", "the search with not")
    search(browser, "fd.title = x")
    expect(text_of(browser, "found"), "There is no field 'fd.title' to search by. ? lists the fields", "a wrong search")
    search(browser, "evt.res = EPIPE")
    browser.key("Enter", "\r")
    expect("-32 (EPIPE)" in text_of(browser, "details"), True, "Enter selects the match")

    # A click selects, and a click beside ends it.
    x, y = place_of(browser, 4)
    browser.click(x, y)
    expect(text_of(browser, "detail-title"), "read", "the call that was clicked")
    expect("3 > … 4 <" in text_of(browser, "details"), True, "its number")
    expect("Written by app 2" in text_of(browser, "details"), True, "the other end")

    # The wheel keeps the time under the pointer.
    whole = span(browser)
    before = browser.evaluate(f"timeAt({x} - canvas.getBoundingClientRect().x)")
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-600)
    browser.drawn()
    after = browser.evaluate(f"timeAt({x} - canvas.getBoundingClientRect().x)")
    expect(span(browser) < whole, True, "the wheel zooms in")
    expect(abs(before - after) < whole / 1000, True, "the time under the pointer stays")

    # A drag moves by what the pointer moves.
    before = browser.evaluate("timeAt(600)")
    browser.mouse("mousePressed", 600, 400, button="left", clickCount=1)
    browser.mouse("mouseMoved", 500, 400, button="left", buttons=1)
    browser.mouse("mouseReleased", 500, 400, button="left", clickCount=1)
    browser.drawn()
    expect(abs(before - browser.evaluate("timeAt(500)")) < whole / 1000, True, "a drag moves the picture")

    browser.evaluate("document.activeElement.blur()")
    browser.key("0")
    expect(span(browser) > whole * 0.99, True, "0 shows all")
    browser.key("+")
    expect(span(browser) < whole * 0.7, True, "+ zooms in")
    from_before = browser.evaluate("view.from")
    browser.key("ArrowRight")
    expect(browser.evaluate("view.from") > from_before, True, "an arrow moves")
    browser.key("e")
    expect(text_of(browser, "found"), "2 of 25 calls match", "e searches the failed calls")
    expect(browser.evaluate("shown.selected === shown.matches[0]"), True, "and goes to the first")
    browser.key("n")
    expect(browser.evaluate("shown.selected === shown.matches[1]"), True, "n goes to the next")
    browser.key("Escape")
    expect(text_of(browser, "found"), "", "Escape ends the search")

    theme = browser.evaluate("document.documentElement.dataset.theme")
    press(browser, "theme")
    expect(browser.evaluate("document.documentElement.dataset.theme") != theme, True, "the switch of the theme")

    browser.size(390, 844, True)
    browser.open(page)
    whole = span(browser)
    box = browser.evaluate("(() => { const box = canvas.getBoundingClientRect(); return [box.x, box.y]; })()")
    y = box[1] + 150
    browser.touch("touchStart", [(220, y), (280, y)])
    browser.touch("touchMove", [(180, y), (340, y)])
    browser.touch("touchEnd", [])
    browser.drawn()
    expect(span(browser) < whole * 0.8, True, "two fingers zoom")
    press(browser, "fit")
    browser.touch("touchStart", [place_of(browser, 44)])
    browser.touch("touchEnd", [])
    browser.drawn()
    expect(browser.evaluate("shown.selected >= 0"), True, "a finger selects")


def hostile(browser, page):
    is_drawn(browser, page)
    browser.size(1280, 800)
    browser.open(page)
    browser.click(*place_of(browser, 2))
    browser.evaluate("search('proc.name = ' + quoted(capture.who[0][2]))")
    expect(text_of(browser, "found"), "3 of 3 calls match", "the search for the name")
    browser.evaluate("zoomTo(1)")
    browser.mouse("mouseMoved", *place_of(browser, 4))
    press(browser, "finding-list")
    browser.drawn()
    expect("</script>" in text_of(browser, "details"), True, "the name is shown as text")
    expect(browser.evaluate("typeof hacked"), "undefined", "what the capture's script would set")
    expect(browser.evaluate("document.scripts.length + document.images.length"), 2, "the elements of the page's own")


def findings(browser, page):
    browser.size(1280, 800)
    browser.open(page)
    expect(browser.evaluate("[...document.querySelectorAll('#finding-list button')].map((one) => one.className)"),
           browser.evaluate("capture.findings.map((one) => one.harm ? 'harm' : 'note')"), "the findings")
    expect(browser.evaluate("capture.findings.length > 1"), True, "there are several")
    place = browser.evaluate(
        "(() => { const box = document.querySelector('#finding-list button').getBoundingClientRect();"
        " return [box.x + 20, box.y + 8]; })()")
    browser.click(*place)
    expect(browser.evaluate("capture.findings[0].events.includes(calls.number[shown.selected])"), True,
           "the event that proves it")
    expect(browser.evaluate("xOf(calls.end[shown.selected]) > view.gutter && xOf(calls.start[shown.selected]) < view.width"),
           True, "it is seen")


def waits(browser, page):
    browser.size(1280, 800)
    browser.open(page)
    browser.evaluate("select(callByNumber(11), true)")
    # An arrow from each call of the chain to the next one.
    expect(len(arrows(browser)), 2, "the arrows of the chain")
    expect(all(abs(y - y2) > 10 for _, y, _, y2 in arrows(browser)), True, "they go from lane to lane")
    sentences = "[...document.querySelectorAll('#wait-list li')].map((one) => one.textContent)"
    expect([one.split(":")[0] for one in browser.evaluate(sentences)][:2],
           ["first (5) waits for second (6)", "second (6) waits for last (7)"], "the chain")
    for at, (name, left) in enumerate((("second", 2), ("last", 0)), start=1):
        place = browser.evaluate(
            "(() => { const step = document.querySelectorAll('#wait-list button')[1]; step.scrollIntoView();"
            " const box = step.getBoundingClientRect(); return [box.x + 20, box.y + 8]; })()")
        browser.click(*place)
        expect(browser.evaluate("processOf(shown.selected)"), name, f"step {at} of the chain")
        expect(len(browser.evaluate(sentences)), left, f"what is left of the chain at step {at}")


def aggregated(browser, page):
    is_drawn(browser, page)
    browser.size(1280, 800)
    browser.open(page)
    expect("120,000 events" in text_of(browser, "notice"), True, "the page says that it is aggregated")
    command = "document.querySelector('#notice code').textContent"
    whole = browser.evaluate(command)
    expect("'evt.num >= 1 and evt.num <= 120000' --html page.html" in whole, True, f"the command: {whole}")
    for _ in range(8):
        browser.key("+")
    expect(browser.evaluate(command) != whole, True, "the command for what is shown")


def arrows(browser):
    """Those of the picture: where each begins and ends."""
    return browser.evaluate(
        "(() => { const seen = [], before = drawArrow;"
        " drawArrow = (...place) => { seen.push(place); before(...place); };"
        " draw(); drawArrow = before; return seen; })()")


def flows(browser, page):
    is_drawn(browser, page)
    browser.size(1280, 800)
    browser.open(page)
    notice = text_of(browser, "notice")
    expect("the lines with arrows count what went through pipes" in notice, True, f"the notice: {notice}")
    whole = arrows(browser)
    expect(50 < len(whole) <= 1500, True, f"{len(whole)} arrows for the whole time")
    ends = browser.evaluate("capture.flows.map(({writer, writeFd, reader, readFd}) =>"
                            " [laneOfEnd(writer, writeFd), laneOfEnd(reader, readFd)].map((lane) => yOf(lane) + lane.height / 2))")
    expect(sorted(set((y, y2) for _, y, _, y2 in whole)), sorted(map(tuple, ends)), "the lanes that they join")
    browser.evaluate("show(capture.to * 0.4, capture.to * 0.45)")
    expect(0 < len(arrows(browser)) <= 1500, True, "the arrows of a part of the time")
    browser.evaluate("processes[0].isOpen = false; layLanes(); redraw()")
    browser.drawn()
    expect(len(arrows(browser)) > 0, True, "the arrows from the lane of a process that is closed")


def empty(browser, page):
    browser.size(1280, 800)
    browser.open(page)
    expect(text_of(browser, "notice"), "The capture has no events.", "the notice")


def main():
    what, page = sys.argv[1:]
    with Browser() as browser:
        {"use": use, "hostile": hostile, "findings": findings, "waits": waits,
         "aggregated": aggregated, "flows": flows, "empty": empty}[what](browser, page)
        expect(browser.complaints(), [], "complaints of the page")


main()
