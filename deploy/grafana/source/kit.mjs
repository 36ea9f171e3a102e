// What the dashboards are made of. Grafana's JSON says everything ten times; here it is said once.
//
// A panel is { title, says, expr or queries, unit, ... }: `says` is its description, `runbook` the section of
// docs/OPERATING.md behind its link. Panels flow from left to right over 24 columns, in rows.

const RUNBOOK = 'https://github.com/aztec-steward/steward/blob/main/docs/OPERATING.md';
const SOURCE = { type: 'prometheus', uid: '${datasource}' };

/** The five states, their number in steward_attester_state, and the colours they have everywhere. */
export const STATES = [
  ['NEW', 'text'],
  ['IN_STAKING_PROVIDER_QUEUE', 'blue'],
  ['ROLLUP_ENTRY_QUEUE', 'yellow'],
  ['ACTIVE', 'green'],
  ['NO_LONGER_ACTIVE', 'dark-red'],
];

/** Colours by name of series, for panels whose series are states. */
export const stateColours = STATES.map(([name, colour]) => ({
  matcher: { id: 'byName', options: name },
  properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }],
}));

/** Numbers of steward_attester_state as words. */
export const stateWords = [{
  type: 'value',
  options: Object.fromEntries(STATES.map(([text, color], index) => [index, { text, color, index }])),
}];

/** Words for 1 and 0; `good` is the one that is green. */
export const words = (one, zero, good = 1) => [{
  type: 'value',
  options: {
    1: { text: one, color: good === 1 ? 'green' : 'red', index: 0 },
    0: { text: zero, color: good === 0 ? 'green' : 'red', index: 1 },
  },
}];

/** Green below the first number, then yellow and red; with one number there is no yellow. */
export const worseFrom = (...from) => steps('green', from.length > 1 ? ['yellow', 'red'] : ['red'], from);
/** Red below the first number, then yellow and green. */
export const betterFrom = (...from) => steps('red', from.length > 1 ? ['yellow', 'green'] : ['green'], from);
/** Numbers that are neither good nor bad. */
export const neutral = steps('blue', [], []);

function steps(base, colours, from) {
  const above = from.map((value, index) => ({ color: colours[index], value }));
  return { mode: 'absolute', steps: [{ color: base, value: null }, ...above] };
}

const link = (runbook) => [{ title: 'Runbook', url: `${RUNBOOK}#${runbook}`, targetBlank: true }];

/** The queries of a panel: one `expr` with a `legend`, or several `queries`. */
function targets({ expr, legend, queries = [{ expr, legend }] }, more) {
  return queries.map((query, index) => ({
    refId: String.fromCharCode(65 + index),
    datasource: SOURCE,
    editorMode: 'code',
    expr: query.expr.replace(/\s+/g, ' ').trim(),
    legendFormat: query.legend ?? '__auto',
    ...more,
  }));
}

function panel(type, given, { width, height, options, custom, instant }) {
  const { title, says, unit = 'none', decimals, thresholds = neutral, mappings = [], overrides = [], runbook } = given;
  if (!title || !says) throw new Error(`a panel lacks its title or what it says: ${JSON.stringify(given)}`);
  const defaults = {
    unit,
    ...(decimals === undefined ? {} : { decimals }),
    ...(given.min === undefined ? {} : { min: given.min }),
    ...(given.max === undefined ? {} : { max: given.max }),
    color: { mode: type === 'timeseries' ? 'palette-classic' : 'thresholds' },
    thresholds,
    mappings,
    custom,
  };
  return {
    type,
    title,
    description: says,
    datasource: SOURCE,
    gridPos: { w: given.width ?? width, h: given.height ?? height },
    targets: targets(given, instant ? { instant: true, range: false } : { instant: false, range: true }),
    fieldConfig: { defaults, overrides },
    options: { ...options, ...given.options },
    ...(given.transformations ? { transformations: given.transformations } : {}),
    ...(runbook ? { links: link(runbook) } : {}),
  };
}

/** One number, as of now. */
export const stat = (given) => panel('stat', given, {
  width: 4,
  height: 4,
  instant: true,
  custom: undefined,
  options: {
    colorMode: given.plain ? 'none' : 'value',
    graphMode: 'none',
    justifyMode: 'auto',
    textMode: 'auto',
    orientation: 'auto',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  },
});

/** Lines over time; `stacked` piles them up. */
export const lines = (given) => panel('timeseries', given, {
  width: 12,
  height: 8,
  instant: false,
  custom: {
    drawStyle: 'line',
    lineInterpolation: given.smooth ? 'linear' : 'stepAfter',
    lineWidth: 1,
    fillOpacity: given.stacked ? 30 : 5,
    showPoints: 'never',
    spanNulls: false,
    stacking: { mode: given.stacked ? 'normal' : 'none', group: 'A' },
    thresholdsStyle: { mode: given.thresholds ? 'dashed' : 'off' },
  },
  options: {
    legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['lastNotNull', 'max'] },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
});

/** Bands of states over time. */
export const bands = (given) => panel('state-timeline', given, {
  width: 24,
  height: 8,
  instant: false,
  custom: { lineWidth: 0, fillOpacity: 80 },
  options: {
    mergeValues: true,
    showValue: 'auto',
    alignValue: 'left',
    rowHeight: 0.85,
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
    tooltip: { mode: 'single', sort: 'none' },
  },
});

/** A table of what is now; `columns` names and orders its fields, everything else is hidden. */
export function table(given) {
  const { columns } = given;
  const organize = {
    id: 'organize',
    options: {
      excludeByName: { Time: true },
      indexByName: Object.fromEntries(Object.keys(columns).map((field, index) => [field, index])),
      renameByName: columns,
    },
  };
  const filter = { id: 'filterFieldsByName', options: { include: { names: Object.keys(columns) } } };
  const built = panel('table', { transformations: [filter, organize], ...given }, {
    width: 12,
    height: 8,
    instant: true,
    custom: { align: 'auto', cellOptions: { type: 'auto' }, filterable: true, inspect: false },
    options: { showHeader: true, cellHeight: 'sm' },
  });
  built.targets.forEach((target) => { target.format = 'table'; });
  return built;
}

/** Words in Markdown. */
export const text = ({ title, says, content, width = 24, height = 3 }) => ({
  type: 'text',
  title,
  description: says,
  gridPos: { w: width, h: height },
  options: { mode: 'markdown', content },
});

/** A heading over panels. */
export const row = (title, ...panels) => ({ title, panels });

function flow(rows) {
  const placed = [];
  let [x, y, tallest, id] = [0, 0, 0, 0];
  const place = (what, w, h) => {
    if (x + w > 24) [x, y, tallest] = [0, y + tallest, 0];
    placed.push({ id: ++id, ...what, gridPos: { x, y, w, h } });
    [x, tallest] = [x + w, Math.max(tallest, h)];
  };
  for (const { title, panels } of rows) {
    if (x > 0) [x, y, tallest] = [0, y + tallest, 0];
    place({ type: 'row', title, collapsed: false, panels: [] }, 24, 1);
    for (const each of panels) place(each, each.gridPos.w, each.gridPos.h);
  }
  return placed;
}

const choice = (name, label, query, more) => ({
  type: 'query',
  name,
  label,
  datasource: SOURCE,
  query: { query, refId: name },
  definition: query,
  refresh: 2,
  sort: 1,
  ...more,
});
const several = { multi: true, includeAll: true, allValue: '.*', current: { text: ['All'], value: ['$__all'] } };
const network = choice('network', 'Network', 'label_values(steward_network_stopped, network)', several);
const provider = choice('provider', 'Provider', 'label_values(steward_attesters{network=~"$network"}, provider)', several);
/** One attester, for the dashboards that show one. */
export const attester = choice(
  'attester',
  'Attester',
  'label_values(steward_attester_state{network=~"$network", provider=~"$provider"}, attester)',
  { multi: false, includeAll: false },
);

/** A dashboard: what question it answers, and its rows. */
export const dashboard = ({ title, answers, since = 'now-24h', variables = [], runbook = 'alerts-from-prometheus', rows }) => ({
  title: `steward / ${title}`,
  description: answers,
  tags: ['steward'],
  editable: false,
  schemaVersion: 39,
  version: 1,
  time: { from: since, to: 'now' },
  refresh: '30s',
  timezone: 'browser',
  graphTooltip: 1,
  links: [
    { type: 'dashboards', title: 'steward', tags: ['steward'], asDropdown: true, includeVars: true, keepTime: true, icon: 'external link' },
    { type: 'link', title: 'Runbook', url: `${RUNBOOK}#${runbook}`, targetBlank: true, icon: 'doc' },
  ],
  templating: {
    list: [{ type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus', refresh: 1 }, network, provider, ...variables],
  },
  annotations: { list: [] },
  panels: flow(rows),
});

/** Selectors that every query on a network, or on a provider's attesters, carries. */
export const ON_NETWORK = 'network=~"$network"';
export const OF_PROVIDER = 'network=~"$network", provider=~"$provider"';
