// Runs one operation with jsforce, as its documentation shows it, and prints what came back as JSON.
// Usage: node jsforce_operations.mjs OPERATION ARGUMENTS-AS-JSON; COMPAT_PACKAGES names the folder with node_modules.
import { createRequire } from 'node:module';

const jsforce = createRequire(`${process.env.COMPAT_PACKAGES}/`)('jsforce');
const VERSION = '62.0';
const APP = { clientId: 'sandbox-client', clientSecret: 'sandbox-secret' };

async function byClientCredentials() {
  const connection = new jsforce.Connection({
    oauth2: { ...APP, loginUrl: 'https://syncd.my.salesforce.com' },
    version: VERSION,
  });
  await connection.authorize({ grant_type: 'client_credentials' });
  return connection;
}

const operations = {
  async loginByPassword({ username, password, oauth }) {
    const settings = oauth ? { oauth2: { ...APP, loginUrl: 'https://login.salesforce.com' } } : { loginUrl: 'https://login.salesforce.com' };
    const connection = new jsforce.Connection({ ...settings, version: VERSION });
    const user = await connection.login(username, password);
    return { user, instanceUrl: connection.instanceUrl, identity: await connection.identity() };
  },
  async refresh({ refreshToken }) {
    const oauth2 = { ...APP, loginUrl: 'https://login.salesforce.com' };
    const connection = new jsforce.Connection({
      oauth2, refreshToken, accessToken: 'ended', instanceUrl: 'https://syncd.my.salesforce.com', version: VERSION,
    });
    return connection.query('SELECT COUNT() FROM Lead');
  },
  async autoFetch() {
    const connection = await byClientCredentials();
    const result = await connection.query('SELECT Id, LastName FROM Lead ORDER BY LastName', { autoFetch: true, maxFetch: 50000 });
    const streamed = [];
    await new Promise((resolve, reject) => {
      connection.query('SELECT LastName FROM Lead')
        .on('record', (record) => streamed.push(record.LastName)).on('end', resolve).on('error', reject)
        .run({ autoFetch: true, maxFetch: 50000 });
    });
    return { names: result.records.map((record) => record.LastName), streamed: streamed.length };
  },
  async find() {
    const leads = (await byClientCredentials()).sobject('Lead');
    return leads.find({ LastName: { $like: 'Person 000%' } }, ['LastName', 'Owner.Name']).sort({ LastName: 1 }).limit(20).execute();
  },
  async rows() {
    const leads = (await byClientCredentials()).sobject('Lead');
    const made = await leads.create({ LastName: 'One', Company: 'Compat' });
    await leads.update({ Id: made.id, Title: 'Boss' });
    const read = await leads.retrieve(made.id);
    await leads.destroy(made.id);
    return { made, read };
  },
  async collections() {
    const leads = (await byClientCredentials()).sobject('Lead');
    const records = Array.from({ length: 250 }, (_, number) => ({ LastName: `Many ${number}`, Company: 'Compat' }));
    const made = await leads.create(records, { allowRecursive: true });
    const ids = made.map((each) => each.id);
    const changed = await leads.update(ids.map((Id) => ({ Id, Title: 'Boss' })), { allowRecursive: true });
    const read = await leads.retrieve(ids.slice(0, 200));
    const gone = await leads.destroy(ids.slice(0, 100));
    const mixed = await leads.update([{ Id: ids[200], Title: 'Chief' }, { Id: ids[201], Status: 'Open', LastName: '' }]);
    return { made, changed, titles: read.map((record) => record.Title), gone, mixed };
  },
  async upsert() {
    const leads = (await byClientCredentials()).sobject('Lead');
    const one = await leads.upsert({ Ext_Id__c: 'l-0001', LastName: 'Changed' }, 'Ext_Id__c');
    const many = await leads.upsert(
      [{ Ext_Id__c: 'l-0002', LastName: 'Changed' }, { Ext_Id__c: 'l-made', LastName: 'Made', Company: 'Compat' }], 'Ext_Id__c',
    );
    return { one, many };
  },
  async describe() {
    const connection = await byClientCredentials();
    const lead = await connection.sobject('Lead').describe();
    const all = await connection.describeGlobal();
    return { fields: lead.fields.map((field) => field.name), objects: all.sobjects.map((each) => each.name), limits: await connection.limits() };
  },
  async composite() {
    const connection = await byClientCredentials();
    const url = `/services/data/v${VERSION}/sobjects/Lead`;
    return connection.requestPost('/composite', { compositeRequest: [
      { method: 'POST', url, referenceId: 'made', body: { LastName: 'Composite', Company: 'Compat' } },
      { method: 'GET', url: `${url}/@{made.id}?fields=LastName`, referenceId: 'read' },
    ] });
  },
  async refusal() {
    const connection = await byClientCredentials();
    try {
      return await connection.query('SELECT Nope FROM Lead');
    } catch (problem) {
      return { code: problem.errorCode, message: problem.message };
    }
  },
  async bulkQuery() {
    const records = await (await byClientCredentials()).bulk2.query('SELECT Id, LastName, Company FROM Lead', { pollInterval: 200 });
    return (await records.toArray()).map((record) => [record.LastName, record.Company]);
  },
  async bulkLoad({ operation, externalIdFieldName, input }) {
    const { bulk2 } = await byClientCredentials();
    bulk2.pollInterval = 200;
    bulk2.pollTimeout = 60000;
    return bulk2.loadAndWaitForResults({ object: 'Lead', operation, externalIdFieldName, input });
  },
};

const [, , operation, given] = process.argv;
console.log(JSON.stringify(await operations[operation](JSON.parse(given ?? '{}'))));
