// An SMSC on the `smpp` package of npm, which speaks for itself: `node smsc.js MODE`, NODE_PATH naming the package.
//
// It takes a free port of the loopback, says so on its first line of output, and then prints each bind and each submission
// as one line of JSON. MODE says what it does with them:
//   deliver        acknowledges, and sends a receipt: delivered
//   undeliverable  acknowledges, and sends a receipt: undeliverable
//   throttle       has no room three times, then as `deliver`
//   silent         binds and answers no submission
//   refuse         refuses the bind: wrong password
//   hang-up        hangs up in the middle of the bind
//   garbage        sends what is no SMPP
'use strict';
const net = require('net');
const smpp = require('smpp');

const mode = process.argv[2];
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');
const listening = (server) => server.address && say({ port: server.address().port });

if (mode === 'hang-up' || mode === 'garbage') {
    const server = net.createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => {
            if (mode === 'garbage') {
                socket.write('220 mail.example.net ESMTP, good morning\r\n');
            } else {
                socket.destroy();
            }
        });
    });
    server.listen(0, '127.0.0.1', () => listening(server));
} else {
    let room = mode === 'throttle' ? -3 : 0;
    let next = 0x1a;
    const server = smpp.createServer({}, (session) => {
        const bind = (pdu) => {
            say({ bind: pdu.command, system_id: pdu.system_id, password: pdu.password, version: pdu.interface_version });
            const wrong = mode === 'refuse' || pdu.password !== 'sesame';
            session.send(pdu.response({ command_status: wrong ? smpp.ESME_RINVPASWD : smpp.ESME_ROK, system_id: 'peer' }));
        };
        session.on('error', () => {});
        session.on('bind_transceiver', bind);
        session.on('bind_transmitter', bind);
        session.on('bind_receiver', bind);
        session.on('enquire_link', (pdu) => session.send(pdu.response()));
        session.on('unbind', (pdu) => {
            say({ unbind: true });
            session.send(pdu.response());
            session.close();
        });
        session.on('submit_sm', (pdu) => {
            const message = pdu.short_message;
            const elements = [].concat(message.udh || []).map((e) => Buffer.from(e).toString('hex'));
            say({
                to: pdu.destination_addr,
                ton: pdu.dest_addr_ton,
                npi: pdu.dest_addr_npi,
                esm_class: pdu.esm_class,
                data_coding: pdu.data_coding,
                priority: pdu.priority_flag,
                validity: pdu.validity_period,
                registered: pdu.registered_delivery,
                udh: elements.join(''),
                message: Buffer.from(message.message, 'latin1').toString('hex'),
            });
            if (mode === 'silent') {
                return;
            }
            if (room < 0) {
                room += 1;
                session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
                return;
            }
            // The acknowledgement says it in hexadecimal digits, the receipt in decimal ones, as real centres do.
            const id = next++;
            session.send(pdu.response({ message_id: id.toString(16).toUpperCase().padStart(8, '0') }));
            const state = mode === 'undeliverable' ? 'UNDELIV' : 'DELIVRD';
            session.deliver_sm({
                source_addr: pdu.destination_addr,
                destination_addr: pdu.source_addr,
                esm_class: 4,
                short_message: `id:${id} sub:001 dlvrd:001 submit date:2611250700 done date:2611250700 stat:${state} err:000 text:`,
            }, (response) => say({ receipt_answered: response.command_status }));
        });
    });
    server.listen(0, '127.0.0.1', () => listening(server));
}
