# SPDX-License-Identifier: BSL-1.0
"""Tables and plots of a benchmark's results."""
import io
import os
import tempfile

import scenarios

PREFACE = """<!-- Written by tests/benchmark/benchmark.py: run ./tests/run.sh benchmark. -->
# Results

How to read them, and what they do not say: [the page about the benchmark](README.md). Each time is the median over the
rounds, with the quartiles in brackets, and is the wall-clock time divided by the cycles of all sessions (but that of
the compiler, which is its CPU time). Each ratio is the median of the ratios to the baseline of the same round, with its
quartiles: what lies within the quartiles of something else is not different from it.
"""

# File, title, scenarios (a panel each), and whether all contestants are drawn or the few of scenarios.FEW.
FIGURES = (
    ("one_session.svg", "One lock and release, one session", ("alone",), True),
    ("transports.svg", "One session, by transport", ("alone-apart", "alone-tcp", "alone-delay"), False),
    ("many_sessions.svg", "Many sessions, distinct keys", ("distinct-8", "distinct-64", "distinct-64-delay"), False),
    ("contention.svg", "One key that all want", ("hand-off", "hot-8", "hot-64"), True),
    ("transactions_and_sets.svg", "Transactions, and sets of 1,000 keys", ("transaction", "set", "set-delay"), True),
)


def rounded(found):
    """The same with four significant digits: more would be noise, and make results.json long."""
    if isinstance(found, float):
        return float(f"{found:.4g}")
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return found


def significant(value):
    """Three digits, without an exponent."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def spread(quartiles, scale=1.0):
    return (f"{significant(quartiles['median'] / scale)} "
            f"({significant(quartiles['low'] / scale)}–{significant(quartiles['high'] / scale)})")


def digits_of(value):
    return 2 if value >= 0.1 else 4


def ratio(quartiles, digits=None):
    digits = digits or digits_of(quartiles["median"])
    low, middle, high = (f"{quartiles[which]:.{digits}f}" for which in ("low", "median", "high"))
    return f"{middle} ({low}–{high})"


def label_of(scenario, name):
    return next(row["label"] for row in scenario["rows"] if row["contestant"] == name)


def by_time(scenario):
    return sorted(scenario["rows"], key=lambda row: row["ratio"]["median"])


def markdown_table(header, rows):
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows]) + "\n"


def scenario_table(scenario):
    unit, scale = time_unit(scenario)
    rows = [[bold(row, marked(row["label"])),
             spread(row["nanoseconds"], scale), ratio(row["ratio"]), str(row["rounds"])] for row in by_time(scenario)]
    return markdown_table(["contestant", f"{unit} for each {scenario['unit']}", "ratio", "rounds"], rows)


def time_unit(scenario):
    """In which its times are told, and how many nanoseconds that is."""
    return ("µs", 1e3) if min(row["nanoseconds"]["median"] for row in scenario["rows"]) < 1e7 else ("ms", 1e6)


def marked(label):
    """Code as code, where typographers would make other quotation marks of it."""
    return f"`{label}`" if '"' in label else label


def bold(row, text):
    return f"**{text}**" if row["contestant"].startswith("pglocks") else text


def text_table(scenario):
    unit, scale = time_unit(scenario)
    lines = [f"\n{scenario['title']} ({unit} for each {scenario['unit']}; "
             f"ratio to: {label_of(scenario, scenario['baseline'])})"]
    lines += [f"  {row['label']:<52} {spread(row['nanoseconds'], scale):>26}   {ratio(row['ratio'])}"
              for row in by_time(scenario)]
    return "\n".join(lines)


def text_in_process(rows):
    return "\n".join(["\nIn the process (ns)"] +
                     [f"  {row['what']:<52} {spread(row['nanoseconds']):>26}" for row in rows])


def limit_cells(found):
    for scenario in found["scenarios"]:
        for limit in scenario["limits"]:
            middle = limit["ratio"]["median"]
            if "at most" in limit:
                bound, kept = f"at most {limit['at most']:.3g}", middle <= limit["at most"]
            else:
                bound, kept = f"at least {limit['at least']:.0f} times as fast", middle >= limit["at least"]
            yield [limit["what"], bound, ratio(limit["ratio"], digits=3), "kept" if kept else "**not kept**"]


def text_limits(found):
    return "\nLimits\n" + "\n".join(f"  {what}: {value}, {bound}: {verdict.strip('*')}"
                                    for what, bound, value, verdict in limit_cells(found))


def page(found):
    out = io.StringIO()
    print(PREFACE, file=out)
    print(f"Measured on {found['date']}, in batches of {found['batch']:g} ms, on:\n", file=out)
    facts = {**found["machine"], **dict(sorted(found["versions"].items(), key=lambda item: item[0].lower()))}
    print(markdown_table(["what", "value"], [[key, value] for key, value in facts.items()]), file=out)
    print("## Limits\n\nThat the project sets itself, as ratios within one run: medians, with their quartiles.\n", file=out)
    print(markdown_table(["what", "limit", "ratio", ""], limit_cells(found)), file=out)
    print("## Plots\n", file=out)
    for file, title, _, _ in drawable(found):
        print(f"![{title}]({file})\n", file=out)
    for scenario in found["scenarios"]:
        print(f"## {scenario['title']}\n", file=out)
        baseline = label_of(scenario, scenario["baseline"])
        print(f"Ratio to: {marked(baseline)}.\n", file=out)
        print(scenario_table(scenario), file=out)
    print("## In the process\n\nCPU time of one call, without a server, by Google Benchmark.\n", file=out)
    print(markdown_table(["what", "ns"], [[row["what"], spread(row["nanoseconds"])] for row in found["in process"]]),
          end="", file=out)
    return out.getvalue()


def drawable(found):
    """The figures with those of their panels that were measured."""
    measured = {scenario["name"]: scenario for scenario in found["scenarios"]}
    for file, title, names, everybody in FIGURES:
        panels = [measured[name] for name in names if name in measured]
        if panels:
            yield file, title, panels, everybody


def draw(path, title, panels, everybody):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    # Text stays text, ids do not depend on the run, and no date goes in: a plot differs when its figures do.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.name, "font.size": 9}):
        rows = [[row for row in reversed(by_time(panel)) if everybody or row["contestant"] in scenarios.FEW]
                for panel in panels]
        heights = [len(each) for each in rows]
        figure, all_axes = pyplot.subplots(len(panels), 1, squeeze=False, layout="constrained",
                                           figsize=(8, 0.9 + sum(0.21 * height + 0.65 for height in heights)),
                                           gridspec_kw={"height_ratios": heights})
        figure.suptitle(title)
        for axes, panel, own in zip(all_axes[:, 0], panels, rows):
            draw_panel(axes, panel, own)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def draw_panel(axes, panel, rows):
    middles = [row["ratio"]["median"] for row in rows]
    errors = [[middle - row["ratio"]["low"] for middle, row in zip(middles, rows)],
              [row["ratio"]["high"] - middle for middle, row in zip(middles, rows)]]
    colours = ["#2a6fb0" if row["contestant"].startswith("pglocks") else "#c9c9c9" for row in rows]
    axes.barh([row["label"] for row in rows], middles, xerr=errors, color=colours,
              error_kw={"elinewidth": 0.8, "ecolor": "#444444"})
    axes.axvline(1, color="#444444", linewidth=0.8, linestyle="--")
    for position, (row, middle) in enumerate(zip(rows, middles)):
        axes.text(row["ratio"]["high"], position, f" {middle:.{digits_of(middle)}f}", va="center", fontsize=8)
    if max(middles) > 50 * min(middles):
        axes.set_xscale("log")
    axes.set_title(panel["title"], fontsize=9, loc="right")  # there is room to its left, above the labels
    axes.set_xlabel(f"time, as a ratio to: {label_of(panel, panel['baseline'])}", fontsize=8)
    axes.margins(x=0.08)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def write(found, directory):
    """Writes results.md and the plots."""
    (directory / "results.md").write_text(page(found), encoding="utf-8")
    with tempfile.TemporaryDirectory() as cache:  # matplotlib's, which would stay in the user's home
        os.environ["MPLCONFIGDIR"] = cache
        for file, title, panels, everybody in drawable(found):
            draw(directory / file, title, panels, everybody)
