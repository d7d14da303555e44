"""Makes the README's pictures from a real run and a real report.

    script --quiet --command "stty cols 80; ./tracestack up" up.typescript
    python3 docs/record.py up.typescript docs/up.svg     # needs the package rich
    ./tracestack drift --format markdown --out drift.md
    python3 docs/record.py drift.md docs/drift.svg
"""

import re
import sys

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

# The page's own fonts, and none from elsewhere.
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="TITLE">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px ui-monospace, Menlo, Consolas, monospace; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

source, target = sys.argv[1:]
with open(source, encoding="utf-8") as recording:
    text = recording.read()


def comment(markdown):
    """A comment as a reviewer meets it: details folded, GitHub's boxes as quotes with a title."""
    folded = re.sub(r"<details>\n<summary>(.*?)</summary>.*?</details>", r"▸ \1", markdown, flags=re.DOTALL)
    boxed = re.sub(r"^> \[!(\w+)\]$", r"> **\1**\n>", folded, flags=re.MULTILINE)
    return Markdown(re.sub(r"<!--.*?-->\n", "", boxed))


is_comment = source.endswith(".md")
null = open("/dev/null", "w", encoding="utf-8")
console = Console(record=True, width=100 if is_comment else 80, file=null, force_terminal=True)
if is_comment:
    title, name = "A report of ./tracestack drift", "drift"
    console.print(comment(text))
else:
    title, name = "A run of ./tracestack up", "up"
    console.print(Text("$ ./tracestack up", style="bold"))
    for line in text.splitlines():
        if not line.startswith("Script "):
            console.print(Text.from_ansi(line.rstrip()), highlight=False, no_wrap=True, crop=False)
console.save_svg(target, title="", code_format=PAGE.replace("TITLE", title), unique_id=name)
