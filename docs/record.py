"""Makes docs/up.svg, the README's picture, from a real run.

    script --quiet --command "stty cols 80; ./tracestack up" up.typescript
    python3 docs/record.py up.typescript docs/up.svg     # needs the package rich
"""

import sys

from rich.console import Console
from rich.text import Text

# The page's own fonts, and none from elsewhere.
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="A run of ./tracestack up">
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
    lines = [line.rstrip() for line in recording if not line.startswith("Script ")]

console = Console(record=True, width=80, file=open("/dev/null", "w", encoding="utf-8"), force_terminal=True)
console.print(Text("$ ./tracestack up", style="bold"))
for line in lines:
    console.print(Text.from_ansi(line), highlight=False, no_wrap=True, crop=False)
console.save_svg(target, title="", code_format=PAGE, unique_id="up")
