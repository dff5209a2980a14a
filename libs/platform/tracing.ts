import { diag, DiagLogLevel, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import type { Attributes, Span, SpanContext, SpanKind, Tracer } from '@opentelemetry/api';
import type { Config } from './config.js';
import type { Logger } from './logger.js';

/** What a span is begun with. */
export interface NewSpan {
  readonly name: string;
  readonly kind: SpanKind;
  /** The {@link parseTraceparent traceparent} of what it is a part of; null: it begins a trace. */
  readonly parent: string | null;
  /** The traceparent of what has caused it, at another time. */
  readonly link?: string | null;
  readonly attributes: Attributes;
}

interface Exporting {
  readonly tracer: Tracer;
  readonly shutdown: () => Promise<void>;
}

const IDS = '(?!0{32})[\\da-f]{32}-(?!0{16})[\\da-f]{16}-[\\da-f]{2}';
const TRACEPARENT = new RegExp(`^(?:00-${IDS}$|(?!00|ff)[\\da-f]{2}-${IDS}(?:$|-))`);
const LENGTH = 55;
/** Spans that wait for the collector; beyond that they are dropped. */
const QUEUE = 8_192;
const EXPORT_EVERY_MS = 1_000;
const LAST_EXPORT_MS = 3_000;

/** A W3C `traceparent` header in the form of version 00, so that it may be kept; null when it is not a sound one. */
export function parseTraceparent(header: unknown): string | null {
  return typeof header === 'string' && TRACEPARENT.test(header) ? `00-${header.slice(3, LENGTH)}` : null;
}

/** The trace that a traceparent belongs to. */
export const traceIdOf = (traceparent: string | null): string | undefined => traceparent?.split('-')[1];

export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/**
 * The spans of this process, sent to an OpenTelemetry collector by OTLP over HTTP where the configuration names one;
 * without it nothing of OpenTelemetry's SDK is loaded. A span that is linked is recorded when the other one is, one
 * that has a parent likewise, and of all others the configured share.
 */
export class Tracing {
  private constructor(private readonly exporting: Exporting | null) {}

  /** @param processName part of the service's name, unless the environment has another */
  static async start(config: Config, logger: Logger, processName: string): Promise<Tracing> {
    const base = config.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/$/, '');
    const url = config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base}/v1/traces`);
    if (!url) return new Tracing(null);
    const warn = (message: string): void => logger.warn({ message }, 'tracing.trouble');
    const quiet = (): void => undefined;
    diag.setLogger(
      { error: warn, warn, info: quiet, debug: quiet, verbose: quiet },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    return new Tracing(await exportTo(url, config.OTEL_TRACES_SAMPLER_ARG, `switchboard-${processName}`));
  }

  get isOn(): boolean {
    return this.exporting !== null;
  }

  /** @returns null where nothing is exported */
  begin({ name, kind, parent, link, attributes }: NewSpan): Span | null {
    if (!this.exporting) return null;
    const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent));
    const links = link ? [{ context: contextOf(link) }] : [];
    return this.exporting.tracer.startSpan(name, { kind, links, attributes }, context);
  }

  /** Sends what is left, for a few seconds at most. */
  async close(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, LAST_EXPORT_MS).unref());
    await Promise.race([this.exporting?.shutdown().catch(() => undefined), late]);
  }
}

function contextOf(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** Headers, certificates, compression and the time limit are read from the environment by the exporter. */
async function exportTo(url: string, share: number, serviceName: string): Promise<Exporting> {
  const [sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { RECORD_AND_SAMPLED, NOT_RECORD } = sdk.SamplingDecision;
  const ratio = new sdk.TraceIdRatioBasedSampler(share);
  const detectors = [resources.serviceInstanceIdDetector, resources.envDetector];
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': serviceName }))
      .merge(resources.detectResources({ detectors })),
    sampler: new sdk.ParentBasedSampler({
      root: {
        shouldSample: (context, traceId, _name, _kind, _attributes, [link]) =>
          link
            ? { decision: link.context.traceFlags & TraceFlags.SAMPLED ? RECORD_AND_SAMPLED : NOT_RECORD }
            : ratio.shouldSample(context, traceId),
        toString: () => `linked, or ${ratio.toString()}`,
      },
    }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url }),
        maxQueueSize: QUEUE,
        scheduledDelayMillis: EXPORT_EVERY_MS,
      }),
    ],
  });
  return { tracer: provider.getTracer('switchboard'), shutdown: () => provider.shutdown() };
}
