import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { Database } from '@hub/model/database.js';
import { User, type UserRole } from '@hub/model/user.entity.js';
import { offsetOf, type Page, type PageRequest } from '@hub/platform/paging.js';
import { canonicalEmail } from './email.js';
import { UserNotFoundError } from './identity.errors.js';

export interface ListUsers extends PageRequest {
  readonly role?: UserRole;
  readonly email?: string;
  readonly sortOrder: 'asc' | 'desc';
}

@Injectable()
export class UsersQueries {
  constructor(private readonly db: Database) {}

  async getUser(organizationId: string, id: string): Promise<User> {
    const where = { organizationId, id, deletedAt: IsNull() };
    const user = await this.db.transaction(organizationId, (tx) => tx.findOne(User, { where }));
    if (!user) throw new UserNotFoundError();
    return user;
  }

  async listUsers(organizationId: string, request: ListUsers): Promise<Page<User>> {
    const [items, totalCount] = await this.db.transaction(organizationId, (tx) =>
      tx.findAndCount(User, {
        where: {
          organizationId,
          deletedAt: IsNull(),
          ...(request.role && { role: request.role }),
          ...(request.email && { emailKey: canonicalEmail(request.email) ?? '' }),
        },
        order: { createdAt: request.sortOrder, id: request.sortOrder },
        skip: offsetOf(request),
        take: request.perPage,
      }),
    );
    return { items, totalCount, page: request.page, perPage: request.perPage };
  }
}
