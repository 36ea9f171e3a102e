import { OF_PROVIDER, ON_NETWORK, attester, bands, dashboard, lines, row, stat, stateWords, table, text, worseFrom } from './kit.mjs';

const THIS = `${OF_PROVIDER}, attester="$attester"`;

export default dashboard({
  title: 'one attester',
  answers: 'In which state is this attester, since when, on which host, and who changed beside it?',
  since: 'now-7d',
  variables: [attester],
  runbook: 'attester_transition',
  rows: [
    row(
      'This attester',
      text({
        title: 'Where the rest is',
        says: 'What this dashboard cannot show.',
        content: 'Attesters have series of their own only with `METRICS_PER_ATTESTER=true`, up to `METRICS_ATTESTERS_MAX`. '
          + 'Evidence, balance, coinbase and the whole history: `/attester why` in Discord, `steward attester why` on the command line.',
      }),
      stat({
        title: 'State',
        says: 'Its state now.',
        expr: `max(steward_attester_state{${THIS}})`,
        mappings: stateWords,
        width: 6,
      }),
      table({
        title: 'Host and label',
        says: 'As the keys files name them; empty where none does.',
        expr: `steward_attester_info{${THIS}}`,
        columns: { network: 'Network', provider: 'Provider', host: 'Host', label: 'Label' },
        width: 12,
        height: 4,
      }),
      stat({
        title: 'Changes in this time',
        says: 'How often its state changed within the time that the dashboard shows.',
        expr: `max(changes(steward_attester_state{${THIS}}[$__range]))`,
        decimals: 0,
        width: 6,
      }),
      bands({
        title: 'State over time',
        says: 'The states of the attester. A gap is a time in which steward was down, or the attester above the cap.',
        expr: `max by (attester) (steward_attester_state{${THIS}})`,
        legend: '{{attester}}',
        mappings: stateWords,
        height: 5,
        runbook: 'attester_transition',
      }),
    ),
    row(
      'Beside it',
      bands({
        title: 'Others that changed',
        says: 'Attesters of the provider whose state changed within the time that the dashboard shows, twenty at most.',
        expr: `topk(20, changes(steward_attester_state{${OF_PROVIDER}}[$__range]) > 0)
          * 0 + on (job, instance, network, provider, attester) steward_attester_state{${OF_PROVIDER}}`,
        legend: '{{attester}}',
        mappings: stateWords,
        height: 10,
      }),
      table({
        title: 'All attesters',
        says: 'Every attester with series of its own, its state, host and label.',
        expr: `steward_attester_state{${OF_PROVIDER}}
          + on (job, instance, network, provider, attester) group_left (host, label) (steward_attester_info{${OF_PROVIDER}} * 0)`,
        columns: { network: 'Network', attester: 'Attester', host: 'Host', label: 'Label', Value: 'State' },
        mappings: stateWords,
        width: 18,
        height: 10,
      }),
      stat({
        title: 'Without series',
        says: 'Attesters above the cap: they are counted, and missing here.',
        expr: `sum(steward_series_truncated{${ON_NETWORK}})`,
        decimals: 0,
        thresholds: worseFrom(1),
        width: 6,
        runbook: 'stewardseriestruncated',
      }),
      lines({
        title: 'Attesters by state',
        says: 'The fleet, for comparison.',
        expr: `sum by (state) (instance_network_provider:steward_attesters:sum{${OF_PROVIDER}})`,
        legend: '{{state}}',
        stacked: true,
        min: 0,
        width: 24,
      }),
    ),
  ],
});
