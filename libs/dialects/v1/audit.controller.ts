import { Get } from '@nestjs/common';
import { AuditQueries } from '@hub/events/audit.queries.js';
import { CurrentActor, WireQuery } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { ListAuditQuery } from './audit.dto.js';
import { auditResource, toListAudit } from './audit.mapper.js';
import { stretch, type Envelope } from './v1.envelope.js';
import { Operation, V1Controller } from './v1.operation.js';

@V1Controller('audit', 'Audit')
export class AuditController {
  constructor(private readonly queries: AuditQueries) {}

  @Get()
  @Operation({
    scope: 'admin',
    summary: 'Read the audit log',
    description:
      'Who did what to what, when and from where, with each changed field before and after; newest first. Signing in ' +
      'and out is `session.*`, passwords, invitations and lock-outs are `user.*`. Secrets are never in it. Nobody can ' +
      'change or remove a line.',
    query: ListAuditQuery,
    stretch: 'AuditEntry',
  })
  async list(@CurrentActor() actor: Actor, @WireQuery(ListAuditQuery) query: ListAuditQuery): Promise<Envelope> {
    return stretch(await this.queries.listAudit(actor.organizationId, toListAudit(query)), auditResource);
  }
}
