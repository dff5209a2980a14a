import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { PASSWORD_PAGE, PASSWORD_PAGE_POLICY } from './password-page.js';

/** Open to everybody: the page itself knows nothing, the token is in the address that only its reader has. */
@ApiExcludeController()
@Controller('password')
export class PasswordPageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', PASSWORD_PAGE_POLICY)
  show(): string {
    return PASSWORD_PAGE;
  }
}
