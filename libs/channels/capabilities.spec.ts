import { capabilitiesOf } from './capabilities.js';

describe('what a channel can carry', () => {
  it('says that an api channel takes receipts', () => {
    expect(capabilitiesOf('api')).toMatchObject({ deliveryReceipts: true, readReceipts: true, templates: false });
  });
});
