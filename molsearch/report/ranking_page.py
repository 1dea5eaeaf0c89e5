"""A ranking as one HTML page that opens offline: no script, no address, every drawing inside it.

Whatever comes from a file or a person is escaped here, and the page forbids itself to load or run anything.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from molsearch.chem.details import SHOWN, alert_labels, details, spell_property, spell_value
from molsearch.chem.drawing import LIGHT, draw
from molsearch.chem.properties import ALERTS
from molsearch.query.account import sentences, spell_range
from molsearch.records import Hit, Query, Ranking
from molsearch.report.run import RunManifest
from molsearch.report.run_file import PAGE_END, PAGE_START, write_run

BINS = 60
WIDTH, HEIGHT = 900, 120  # of the histogram, pixels

_NAMESPACE = re.compile(r"\s+xmlns(?::\w+)?=(?:'[^']*'|\"[^\"]*\")")  # HTML needs none, and they read as addresses


def ranking_page(ranking: Ranking, run: RunManifest) -> str:
    """Write a ranking as an HTML page: what was asked, what became of the library, the scores and the hits.

    Args:
        ranking: The answer to one query.
        run: Its manifest, which the page also holds.
    """
    title = ranking.query.text or ranking.query.reference
    return _PAGE.format(
        title=html.escape(title[:80]),
        heading=html.escape(title),
        asked=_table(_asked(ranking)),
        narrowed=_table(_narrowed(run)),
        histogram=_histogram(ranking),
        hits="".join(_figure(hit, ranking.query) for hit in ranking.hits),
        alerts=_table((name, f"{rules.meaning} ({rules.source})") for name, rules in ALERTS.items()),
        origin=_table(_origin(run)),
        run=PAGE_START + html.escape(write_run(run)) + PAGE_END,
    )


def _asked(ranking: Ranking) -> Iterator[tuple[str, str]]:
    """Yield what the query says, line by line."""
    query = ranking.query
    yield "Query", query.text
    for phrase in query.phrases:
        yield f"Phrase, weight {phrase.weight:g}", phrase.text
    if query.phrases:
        yield "Weight of the query's own text", f"{query.weight:g}"
    yield "Like the structure", query.reference
    yield "Properties", "; ".join(map(spell_range, query.ranges))
    yield "Substructure", query.smarts
    yield "Left out", "; ".join(query.without)
    if ranking.tested:
        yield "Tested compounds left out", f"{ranking.tested.name}, {len(ranking.tested.keys):,} structures"
    yield "Understood", "\n".join(sentences(ranking))
    yield "Warnings", "\n".join(ranking.notes)


def _narrowed(run: RunManifest) -> Iterator[tuple[str, str]]:
    """Yield what became of the library's records, step by step."""
    library = run.library
    if library.records:
        yield "Records read", f"{library.records:,}"
        for count in library.rejected:
            yield f"rejected, {count.what}", f"− {count.records:,}"
        yield "repeats of a structure", f"− {library.repeats:,}"
    left = run.narrowing.molecules
    yield "Molecules", f"{left:,}"
    for step in run.narrowing.steps:
        yield step.what, f"− {left - step.left:,}, {step.left:,} left"
        left = step.left
    yield "Scored", f"{run.scored:,}"
    yield "Shown", f"{len(run.hits):,}"


def _origin(run: RunManifest) -> Iterator[tuple[str, str]]:
    """Yield what answered: model, library, versions, each with its hash."""
    yield "Model", f"{run.model} {run.model_id}".strip()
    yield "Library", run.library.name
    yield "Library hash", run.library.sha256 or "none: its engine keeps no hash"
    yield "Ranking digest", run.digest
    yield "Made", run.made
    yield "Versions", ", ".join(f"{package.name} {package.version}" for package in run.versions)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value).replace(chr(10), '<br/>')}</td></tr>"
        for name, value in rows
        if value
    )
    return f"<table>{''.join(lines)}</table>"


def _figure(hit: Hit, query: Query) -> str:
    """Write one hit: drawing, name, score, properties, alerts by rule name."""
    smiles = hit.molecule.key
    known = details(smiles).properties
    values = "".join(
        f"<tr><td>{html.escape(spell_property(name))}</td><td>{spell_value(name, known[name])}</td></tr>"
        for name in SHOWN
        if name in known
    )
    labels = "".join(f"<i>{html.escape(label)}</i>" for label in alert_labels(smiles))
    records = f", {len(hit.molecule.sources):,} records" if len(hit.molecule.sources) > 1 else ""
    name = hit.molecule.title
    return (
        f"<figure>{_NAMESPACE.sub('', draw(smiles, substructure=query.smarts))}"
        f"<figcaption><b>{hit.rank}. {html.escape(name)}</b>{records}<br/>"
        f"score {hit.score:.3f}, above {hit.percentile:.1f} % of those scored<br/>"
        f"<code>{html.escape(smiles)}</code><table>{values}</table><p>{labels}</p></figcaption></figure>"
    )


def _histogram(ranking: Ranking) -> str:
    """Draw how all scored molecules spread, with each hit marked below the axis."""
    scores = np.asarray(ranking.scores, dtype=np.float64)
    if not len(scores):
        return ""
    counts, edges = np.histogram(scores, bins=min(BINS, max(5, len(scores) // 3)))
    low, width = float(edges[0]), float(edges[-1] - edges[0]) or 1.0
    step = WIDTH / len(counts)
    bars = "".join(
        f'<rect x="{place * step:.1f}" y="{HEIGHT * (1 - share):.1f}" width="{step - 1:.1f}" '
        f'height="{HEIGHT * share:.1f}" fill="{LIGHT.bulk}"/>'
        for place, share in enumerate(counts / counts.max())
    )
    marks = "".join(_mark((hit.score - low) / width) for hit in ranking.hits)
    ends = _labels([(0, "start", f"{low:.2f}"), (WIDTH, "end", f"{edges[-1]:.2f}"), (WIDTH / 2, "middle", "score")])
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 40}" role="img">{bars}{marks}{ends}</svg>'


def _mark(share: float) -> str:
    x = f"{WIDTH * share:.1f}"
    return f'<line x1="{x}" x2="{x}" y1="{HEIGHT + 2}" y2="{HEIGHT + 16}" stroke="{LIGHT.hit}" stroke-width="2"/>'


def _labels(places: Sequence[tuple[float, str, str]]) -> str:
    return "".join(
        f'<text x="{x:.0f}" y="{HEIGHT + 34}" text-anchor="{anchor}" font-size="14">{words}</text>'
        for x, anchor, words in places
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"/><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width"/>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem;
  color: #1f2937; background: #fff }}
h1 {{ font-size: 1.5rem; overflow-wrap: anywhere }} h2 {{ font-size: 1.1rem; margin-top: 2rem }}
table {{ border-collapse: collapse }}
td {{ overflow-wrap: anywhere; padding: 1px 0; vertical-align: top }}
th {{ text-align: left; padding: 2px 1rem 2px 0; color: #64748b; font-weight: 500; vertical-align: top }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: .8rem }}
figure {{ margin: 0; border: 1px solid #cbd5e1; border-radius: 6px; padding: .5rem; break-inside: avoid }}
svg {{ width: 100%; height: auto }}
figcaption {{ overflow-wrap: anywhere }} figcaption table {{ font-size: 12px; color: #475569 }}
figcaption td + td {{ text-align: right; padding-left: 1rem }}
i {{ display: inline-block; font-style: normal; font-size: 12px; border: 1px solid #d9622b; color: #9a3d12;
  border-radius: 4px; padding: 0 4px; margin: 2px 4px 0 0 }}
code {{ font-size: 11px; color: #475569 }} pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font-size: 11px }}
</style></head><body>
<h1>{heading}</h1>
{asked}
<h2>From records to hits</h2>
{narrowed}
<h2>Scores of all that were scored, hits marked below</h2>
{histogram}
<h2>Hits</h2>
<main>{hits}</main>
<h2>Labels on hits</h2>
<p>A label names a rule that the structure matches. It warns; no molecule was left out because of it.</p>
{alerts}
<h2>Where this comes from</h2>
<p>A score ranks; it is no probability, and no statement about activity or safety.</p>
{origin}
<details><summary>Run manifest: <code>python -m molsearch repeat</code> repeats this ranking from this file</summary>
{run}</details>
</body></html>
"""
