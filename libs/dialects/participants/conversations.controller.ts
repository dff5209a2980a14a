import type { Readable } from 'node:stream';
import { Controller, Get, Patch, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ConversationsQueries } from '@hub/conversations/conversations.queries.js';
import { ConversationsService } from '@hub/conversations/conversations.service.js';
import { VersionMismatchError } from '@hub/conversations/conversations.errors.js';
import { InternalConversationsService } from '@hub/conversations/internal-conversations.service.js';
import { ParticipantsQueries } from '@hub/conversations/participants.queries.js';
import { TranscriptsQueries } from '@hub/conversations/transcripts.queries.js';
import { CurrentActor, type ActorRequest } from '@hub/http/request.js';
import type { Actor } from '@hub/identity/actor.js';
import { InsufficientPermissionsError } from '@hub/identity/identity.errors.js';
import type { ConversationView } from '@hub/model/views.js';
import { ConversationCreate, ConversationUpdate, ListConversationsQuery } from './conversation.dto.js';
import { conversationOf, toList, toOpen, toUpdate, type Framed } from './conversation.mapper.js';
import { answerOf, conversationJson, conversationsJson } from './json-stream.js';
import { pageLinks } from './page-links.js';
import { ParticipantsGuard } from './participants.guard.js';
import { ConversationId, JsonBody, QueryOf } from './participants.input.js';
import { JSON_TYPE, Operation } from './participants.operation.js';

@Controller('api/v2/conversations')
@UseGuards(ParticipantsGuard)
@ApiTags('Conversations')
export class ParticipantsConversationsController {
  constructor(
    private readonly queries: ConversationsQueries,
    private readonly participants: ParticipantsQueries,
    private readonly transcripts: TranscriptsQueries,
    private readonly conversations: ConversationsService,
    private readonly internal: InternalConversationsService,
  ) {}

  @Get()
  @Operation({
    summary: 'List conversations for the current user',
    description:
      'Those in which the user is a participant, each with all its messages, newest first. With `organization_id`, a ' +
      'super_admin sees all of their organization. How many there are is in `X-Total-Count`, where the other pages are ' +
      'in `Link`.',
    query: ListConversationsQuery,
    answer: 'ConversationList',
    headers: ['X-Total-Count', 'Link'],
    forbidden: 'The organization is not your own',
  })
  async list(
    @CurrentActor() actor: Actor,
    @QueryOf(ListConversationsQuery) query: ListConversationsQuery,
    @Req() request: ActorRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable> {
    const { organizationId, principal, role } = actor;
    requireOwn(actor, query.organization_id, 'Cannot list conversations of different organization');
    const seesAll = role === 'super_admin' && query.organization_id !== undefined;
    const found = seesAll
      ? await this.participants.listOfOrganization(organizationId, toList(query))
      : await this.participants.listForParticipant(organizationId, principal.id ?? '', toList(query));
    const { page, limit } = query;
    const conversations = await this.frame(organizationId, found.items);
    const texts = conversationsJson(conversations, this.transcripts.read(organizationId, found.items));
    const answer = await answerOf(texts);
    reply.header('x-total-count', String(found.totalCount));
    reply.header('link', pageLinks(request.url, { page, limit, total: found.totalCount }));
    reply.header('content-type', JSON_TYPE);
    return answer;
  }

  @Post()
  @Operation({
    summary: 'Create a conversation',
    description: 'Always a new one. The creator is automatically added as a participant.',
    body: ConversationCreate,
    status: 201,
    answer: 'Conversation',
    forbidden: 'Cannot create conversation for different organization',
    missing: 'A user in `participant_user_ids` does not exist',
  })
  async create(@CurrentActor() actor: Actor, @JsonBody(ConversationCreate) body: ConversationCreate): Promise<object> {
    requireOwn(actor, body.organization_id, 'Cannot create conversation for different organization');
    const opened = await this.internal.open(actor, toOpen(body, actor.principal.id ?? ''));
    const [framed] = await this.frame(actor.organizationId, [opened]);
    return { ...framed?.before, messages: [], ...framed?.after };
  }

  @Get(':conversation_id')
  @Operation({
    summary: 'Get conversation by ID',
    description: 'With all messages. The user must be a participant.',
    answer: 'Conversation',
    ofConversation: true,
  })
  async get(
    @CurrentActor() { organizationId, principal }: Actor,
    @ConversationId() id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable> {
    await this.participants.requireParticipant(organizationId, id, principal.id ?? '');
    return this.answer(await this.queries.getConversation(organizationId, id), reply);
  }

  @Patch(':conversation_id')
  @Operation({
    summary: 'Update conversation subject or status',
    description:
      'The user must be a participant. What is absent stays; a change to what is so already changes and tells nothing.',
    body: ConversationUpdate,
    answer: 'Conversation',
    ofConversation: true,
    conflicts: 'Somebody else has changed it in the same moment, or its contact has another active conversation',
  })
  async update(
    @CurrentActor() actor: Actor,
    @ConversationId() id: string,
    @JsonBody(ConversationUpdate) body: ConversationUpdate,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable> {
    await this.participants.requireParticipant(actor.organizationId, id, actor.principal.id ?? '');
    const change = async (): Promise<ConversationView> => {
      const present = await this.queries.getConversation(actor.organizationId, id);
      return this.conversations.update(actor, toUpdate(body, present));
    };
    const changed = await change().catch((error: unknown) => {
      if (error instanceof VersionMismatchError) return change();
      throw error;
    });
    return this.answer(changed, reply);
  }

  private async answer(view: ConversationView, reply: FastifyReply): Promise<Readable> {
    const framed = await this.frame(view.organizationId, [view]);
    const batches = this.transcripts.read(view.organizationId, [view]);
    const answer = await answerOf(conversationJson(framed[0] as Framed, batches));
    reply.header('content-type', JSON_TYPE);
    return answer;
  }

  private async frame(organizationId: string, views: readonly ConversationView[]): Promise<Framed[]> {
    const ids = views.map(({ id }) => id);
    const participants = await this.participants.participantsOf(organizationId, ids);
    return views.map((view) => conversationOf(view, participants.get(view.id) ?? []));
  }
}

/** @throws InsufficientPermissionsError unless it is absent or the caller's own */
function requireOwn({ organizationId }: Actor, named: string | undefined, refusal: string): void {
  if (named !== undefined && named.toLowerCase() !== organizationId) throw new InsufficientPermissionsError(refusal);
}
