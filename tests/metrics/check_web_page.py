"""check_web_page.py WHAT PAGE [FOLDER] - checks the page of the status in a headless browser. Ends with an exception if
something is wrong. With FOLDER, it leaves a picture of each size and theme there."""

import sys

from browser import Browser

SIZES = ((360, 740, True), (1280, 800, False))


def expect(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r} is not {expected!r}")


# The contrast of each text with what is behind it, as WCAG 2.1 computes it; the lowest of all.
CONTRAST = """(() => {
  const parts = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (parts(color).length === 3 || parts(color)[3] === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const worst = { contrast: 21, text: '' };
  for (const one of document.body.querySelectorAll('*')) {
    if (![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const a = light(getComputedStyle(one).color), b = light(behind(one));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < worst.contrast) Object.assign(worst, { contrast, text: one.textContent });
  }
  return worst;
})()"""


def fits(browser, page, folder=None):
    backgrounds = set()
    for theme in ("light", "dark"):
        for width, height, is_mobile in SIZES:
            browser.size(width, height, is_mobile)
            browser.theme(theme)
            browser.open(page)
            expect(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), True,
                   f"the width, {theme}, {width}x{height}")
            expect(browser.evaluate("innerWidth"), width, "the width of the phone is not scaled down")
            outside = browser.evaluate(
                "[...document.querySelectorAll('section, section *, li, header *')].filter((one) =>"
                " one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right + 0.5)"
                ".map((one) => one.textContent)")
            expect(outside, [], f"what is wider than the box it is in, {width}x{height}")
            small = browser.evaluate(
                "Math.min(...[...document.body.querySelectorAll('*')].map((one) => parseFloat(getComputedStyle(one).fontSize)))")
            expect(small >= 13, True, f"the smallest text has {small} pixels")
            worst = browser.evaluate(CONTRAST)
            expect(worst["contrast"] >= 4.5, True, f"the contrast, {theme}: {worst}")
            for whole, part, style in browser.evaluate(
                    "[...document.querySelectorAll('.bar')].map((one) => [one.getBoundingClientRect().width,"
                    " one.firstChild.getBoundingClientRect().width, one.firstChild.style.width])"):
                expect(whole > 100 and abs(part - whole * float(style[:-1]) / 100) < 1, True,
                       f"a bar of {part} in {whole} for {style}")
            backgrounds.add((theme, browser.evaluate("getComputedStyle(document.body).backgroundColor")))
            if folder:
                browser.screenshot(f"{folder}/{theme}-{width}.png")
    expect(len(backgrounds), 2, "a background for each theme")
    expect(browser.evaluate("document.querySelectorAll('.bar').length"), 2, "the bars")


def hostile(browser, page, folder=None):
    fits(browser, page, folder)
    expect(browser.evaluate("typeof hacked"), "undefined", "what the script would set")
    expect(browser.evaluate("document.scripts.length + document.images.length"), 0, "scripts and images")
    expect("</title><script>hacked=1</script>" in browser.evaluate("document.title"), True, "the title is text")
    expect(browser.evaluate("document.querySelector('code').textContent.includes('<img src=x')"), True, "the path is text")


def refresh(browser, page, _folder=None):
    browser.open(page)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    with open(page, "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", "<p id='new'></p></body>"))
    browser.wait_for("Page.loadEventFired")  # of the page that was asked for again
    expect(browser.evaluate("document.getElementById('new') !== null"), True, "the page is the new one")


def main():
    what, page, *folder = sys.argv[1:]
    with Browser() as browser:
        {"fits": fits, "hostile": hostile, "refresh": refresh}[what](browser, page, *folder)
        expect(browser.complaints(), [], "complaints of the page")


main()
