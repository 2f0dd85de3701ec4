// Made from schema/kinds by `npm run types:generate`; changes here are lost.

/**
 * Who reaches the unit to administer it, and how sessions behave.
 */
export interface Access {
  /**
   * The unit answers SSH.
   */
  ssh?: boolean;
  /**
   * Port of SSH.
   */
  sshPort?: number;
  /**
   * The interface that SSH answers on, or all.
   */
  sshInterface?: string;
  /**
   * Offer the command line of the set-up menu.
   */
  setupCli?: boolean;
  /**
   * Users log in to sessions.
   */
  sessionControl?: boolean;
  /**
   * Ask for HTTP basic authentication before the log-in page.
   */
  sessionBasicAuth?: boolean;
  /**
   * Seconds after which an idle session ends; 0 is the built-in time.
   */
  sessionIdleTime?: number;
  /**
   * Failed log-ins after which a user is locked; 0 is the built-in number.
   */
  sessionMaxFailAttempts?: number;
  /**
   * Sessions of one user at a time; 0 is no limit.
   */
  sessionConcurrent?: number;
  /**
   * Shortest password, in characters.
   */
  minPassword?: number;
  /**
   * Permissions reach down to single Virtual Services.
   */
  extendedPermissions?: boolean;
}

/**
 * Certificates that are asked for and renewed by ACME.
 */
export interface Acme {
  /**
   * Directory of the certificate authority.
   */
  directoryUrl?: string;
  /**
   * Days before its end that a certificate is renewed.
   */
  renewPeriod?: number;
}

/**
 * How administrators prove who they are: local passwords, RADIUS, client certificates.
 */
export interface Authentication {
  /**
   * Which services are asked, and in which order: the bit mask of the appliance.
   */
  sessionAuthMode?: number;
  /**
   * Ask for the local password when the outside service refuses.
   */
  sessionLocalAuth?: boolean;
  /**
   * Part that client certificates play: none, instead of the password, needed, or needed and checked by OCSP.
   */
  clientCertificates?: 'password-only' | 'password-or-certificate' | 'certificate' | 'certificate-with-ocsp';
  /**
   * A client certificate is enough for somebody who is not a local user.
   */
  allowNoLocalUserClientCert?: boolean;
  /**
   * Which part of a client certificate names the user: the code of the appliance.
   */
  certificateMapping?: number;
  /**
   * Follow groups within groups.
   */
  nestedGroups?: boolean;
  /**
   * Check the certificate of the directory server.
   */
  serverCertificateValidation?: boolean;
  /**
   * RADIUS server.
   */
  radiusServer?: string;
  /**
   * Port of the RADIUS server; 0 is the usual one.
   */
  radiusPort?: number;
  /**
   * Secret shared with the RADIUS server.
   */
  radiusSecret?: string;
  /**
   * RADIUS server that is asked when the first does not answer.
   */
  radiusBackupServer?: string;
  /**
   * Port of the second RADIUS server; 0 is the usual one.
   */
  radiusBackupPort?: number;
  /**
   * Secret shared with the second RADIUS server.
   */
  radiusBackupSecret?: string;
  /**
   * Seconds after which the server is asked again about a logged-in user.
   */
  radiusRevalidateInterval?: number;
  /**
   * Tell the server the name of the unit.
   */
  radiusSendNasId?: boolean;
  /**
   * Name that is told to the server.
   */
  radiusNasId?: string;
  /**
   * Send vendor-specific attributes.
   */
  radiusSendVendorSpecific?: boolean;
}

/**
 * When a configuration backup is made by itself, and where it goes.
 */
export interface BackupSchedule {
  /**
   * Make backups by this schedule.
   */
  enabled?: boolean;
  /**
   * Day of the week: 0 is every day, 1 Monday to 7 Sunday.
   */
  day?: number;
  /**
   * Hour of the day.
   */
  hour?: number;
  /**
   * Minute of the hour.
   */
  minute?: number;
  /**
   * Where the bundle goes: host, or host:port.
   */
  host?: string;
  /**
   * How the bundle travels. Local keeps it in the backups folder of the unit.
   */
  method?: 'ftp' | 'scp' | 'sftp' | 'local';
  /**
   * User name on the host.
   */
  user?: string;
  /**
   * Folder on the host.
   */
  path?: string;
  /**
   * Password on the host.
   */
  password?: string;
  /**
   * Private SSH key for the host, without a passphrase.
   */
  key?: string;
  /**
   * Ed25519 key of the host, as in known_hosts: its type and the key. A host that shows another one gets no bundle.
   */
  hostKey?: string;
  /**
   * How many of the newest bundles in the backups folder of the unit are kept.
   */
  keepLast?: number;
  /**
   * For how many days with a bundle the newest one is kept.
   */
  keepDaily?: number;
  /**
   * For how many weeks with a bundle the newest one is kept.
   */
  keepWeekly?: number;
  /**
   * For how many months with a bundle the newest one is kept.
   */
  keepMonthly?: number;
  /**
   * Encrypts the bundles. Belongs to the unit, so that no unit can read the other's bundles by itself.
   */
  passphrase?: string;
  /**
   * Refuse hosts whose key or certificate is not known.
   */
  secure?: boolean;
  /**
   * Add the list of processes to a backup.
   */
  includeTop?: boolean;
  /**
   * Add the list of connections to a backup.
   */
  includeNetstat?: boolean;
}

/**
 * The built-in administrator. The password belongs to the unit and never leaves it.
 */
export interface Bal {
  /**
   * scrypt hash of the password.
   */
  passwordHash?: string;
  /**
   * Public key for logging in over SSH, as one line.
   */
  sshPublicKey?: string;
  /**
   * A remark, in words.
   */
  comment?: string;
}

/**
 * A certificate that Virtual Services show, with its private key.
 */
export interface Certificate {
  /**
   * The certificate as PEM; the certificates that lead to its root may follow it.
   */
  certificate: string;
  /**
   * Its private key as PEM.
   */
  key?: string;
}

/**
 * Which name servers are asked, and how the names of Real Servers are followed. Name servers and domains belong to the unit.
 */
export interface Dns {
  /**
   * Name servers, in the order in which they are asked.
   *
   * @maxItems 3
   */
  nameServers?: [] | [string] | [string, string] | [string, string, string];
  /**
   * Domains that are tried for a short name, in order.
   *
   * @maxItems 6
   */
  searchDomains?:
    | []
    | [string]
    | [string, string]
    | [string, string, string]
    | [string, string, string, string]
    | [string, string, string, string, string]
    | [string, string, string, string, string, string];
  /**
   * Check the signatures of answers.
   */
  dnssecClient?: boolean;
  /**
   * Look the names of Real Servers up again and again.
   */
  resolveNames?: boolean;
  /**
   * Minutes between two look-ups.
   */
  updateInterval?: number;
  /**
   * Look a name up at once when its Real Server fails.
   */
  reloadOnError?: boolean;
}

/**
 * Who is told when the units differ where they ought to be equal, and when that is over.
 */
export interface DriftAlert {
  /**
   * Name of a program in the folder hooks of the unit. It is run without a shell and without arguments, with the facts as JSON on its standard input.
   */
  hook?: string;
  /**
   * Seconds that the program may take; it is ended then.
   */
  hookSeconds?: number;
  /**
   * Who is sent an e-mail, by the mail server of the record email.
   *
   * @maxItems 20
   */
  recipients?:
    | []
    | [string]
    | [string, string]
    | [string, string, string]
    | [string, string, string, string]
    | [string, string, string, string, string]
    | [string, string, string, string, string, string]
    | [string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string, string, string, string, string]
    | [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ]
    | [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ]
    | [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ]
    | [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ]
    | [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ]
    | [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ]
    | [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ];
}

/**
 * Log lines that are sent by e-mail.
 */
export interface Email {
  /**
   * Send e-mail.
   */
  enabled?: boolean;
  /**
   * Mail server.
   */
  server?: string;
  /**
   * Port of the mail server; 0 is the usual one, 25.
   */
  port?: number;
  /**
   * How the connection to the mail server is secured: not, STARTTLS where offered, STARTTLS always, or TLS from the start.
   */
  security?: 'none' | 'starttls-if-offered' | 'starttls' | 'tls';
  /**
   * User name at the mail server.
   */
  user?: string;
  /**
   * Password at the mail server.
   */
  password?: string;
  /**
   * Domain the mail is sent from.
   */
  domain?: string;
  /**
   * Who is sent lines of level emergency.
   */
  emergency?: string[];
  /**
   * Who is sent lines of level critical.
   */
  critical?: string[];
  /**
   * Who is sent lines of level error.
   */
  error?: string[];
  /**
   * Who is sent lines of level warning.
   */
  warning?: string[];
  /**
   * Who is sent lines of level notice.
   */
  notice?: string[];
  /**
   * Who is sent lines of level info.
   */
  info?: string[];
}

/**
 * A place that GEO sites belong to and are checked through.
 */
export interface GeoCluster {
  /**
   * Address of the cluster.
   */
  address: string;
  /**
   * The cluster is used.
   */
  enable?: boolean;
  /**
   * What answers there: anything, another pair, or this pair.
   */
  type?: 'default' | 'remote' | 'local';
  /**
   * How the cluster is checked.
   */
  checker?: 'none' | 'icmp' | 'tcp';
  /**
   * Port that is checked.
   */
  checkerPort?: number;
  /**
   * Degrees north of the equator.
   */
  latitude?: number;
  /**
   * Degrees east of Greenwich.
   */
  longitude?: number;
}

/**
 * A name that the GEO name server answers with the best of its sites.
 */
export interface GeoFqdn {
  /**
   * The name is answered.
   */
  enable?: boolean;
  /**
   * How a site is chosen: round robin, weighted round robin, fixed weight, load of its Real Servers, proximity, location, or all available.
   */
  selectionCriteria?: 'rr' | 'wrr' | 'fw' | 'rsr' | 'prx' | 'lb' | 'all';
  /**
   * Answer with sites of other locations when the own one is down.
   */
  failover?: boolean;
  /**
   * Minutes a failed site stays out before it is switched off; 0 is never.
   */
  failTime?: number;
  /**
   * Whether a mended site comes back by itself.
   */
  siteRecoveryMode?: 'auto' | 'manual';
  /**
   * Sites that public clients are answered with.
   */
  publicRequests?: 'public-only' | 'prefer-public' | 'prefer-private' | 'all';
  /**
   * Sites that private clients are answered with.
   */
  privateRequests?: 'private-only' | 'prefer-private' | 'prefer-public' | 'all';
  /**
   * Seconds that an answer may be kept.
   */
  ttl?: number;
  /**
   * Seconds that a client is answered with the same site; 0 is none.
   */
  stickiness?: number;
  /**
   * All sites go down when one does.
   */
  unanimousChecks?: boolean;
}

/**
 * How the GEO partners reach each other.
 */
export interface GeoSettings {
  /**
   * SSH port of the GEO partners.
   */
  sshPort?: number;
  /**
   * Interface that GEO partners reach each other over.
   */
  sshInterface?: string;
  /**
   * Addresses of the GEO partners.
   */
  partners?: string[];
}

/**
 * One address that a GEO name may be answered with.
 */
export interface GeoSite {
  /**
   * Address that the name is answered with.
   */
  address: string;
  /**
   * The site is used.
   */
  enable?: boolean;
  /**
   * Cluster that the site belongs to.
   */
  cluster?: string;
  /**
   * Share of the answers, where the criteria look at weights.
   */
  weight?: number;
  /**
   * How the site is checked.
   */
  checker?: 'none' | 'icmp' | 'tcp' | 'http' | 'https' | 'cluster';
  /**
   * Address that is checked, when it is not the site itself.
   */
  checkerAddress?: string;
  /**
   * Port that is checked.
   */
  checkerPort?: number;
  /**
   * Countries whose clients belong to the site, as two letters.
   */
  countries?: string[];
}

/**
 * How the two units of the pair watch each other and who serves. Everything but the mode is shared.
 */
export interface Ha {
  /**
   * What this unit is: no HA, the first or the second unit of a pair; cloud and cluster are known but not run by Lockstep. The two units of a pair have different modes.
   */
  mode?: 'none' | 'first' | 'second' | 'cloud' | 'cluster';
  /**
   * Names the pair on its network; no other pair or CARP speaker there may use it. Starts as the last 8 bits of the shared address; 10 and below are often taken.
   */
  virtualId?: number;
  /**
   * Seconds without a word of the active unit after which the standby takes over.
   */
  timeout?: 3 | 6 | 9 | 12 | 15;
  /**
   * The unit that takes the active role back whenever it runs. None means no failback.
   */
  preferredHost?: 'none' | 'first' | 'second';
  /**
   * Seconds a booting unit waits before it may become active; not used when the partner runs.
   */
  initialWait?: number;
  /**
   * The interface that updates travel over.
   */
  updateInterface?: string;
  /**
   * The interface for the multicast updates of layer 4 and layer 7 connections.
   */
  multicastInterface?: string;
  /**
   * Send CARP to the broadcast address 255.255.255.255 and not to the multicast address 224.0.0.18.
   */
  useBroadcast?: boolean;
  /**
   * Answer for the shared address with the shared MAC address 00:00:5e:00:01:<virtual ID>. Not for virtual or cloud units.
   */
  virtualMac?: boolean;
  /**
   * The protocol between the units: CARP, or the one of old releases.
   */
  style?: 'legacy' | 'carp';
  /**
   * Hand layer 4 connections over to the standby, so that they outlive a takeover.
   */
  l4Update?: boolean;
  /**
   * Hand layer 7 persistence entries over to the standby.
   */
  l7Update?: boolean;
  /**
   * Packets of a layer 4 connection before it is handed over for the first time; below the period.
   */
  l4SyncThreshold?: number;
  /**
   * Packets of a layer 4 connection between two hand-overs; above the threshold.
   */
  l4SyncPeriod?: number;
  /**
   * Seconds after which a layer 4 connection is handed over again; 0 is never.
   */
  l4SyncRefreshPeriod?: number;
  /**
   * Seconds a persistence entry is kept after its last connection; 0, or one minute to one day.
   */
  finalPersist?: number;
  /**
   * Reboot this unit when an interface loses its link. Needs that there is no preferred host.
   */
  linkFailReboot?: boolean;
}

/**
 * The health check settings of every Virtual Service that says nothing else.
 */
export interface Health {
  /**
   * Seconds between two checks of a Real Server.
   */
  interval?: number;
  /**
   * Seconds a Real Server may take to answer.
   */
  timeout?: number;
  /**
   * Failed checks in a row after which a Real Server is down.
   */
  retryCount?: number;
}

/**
 * How many old revisions this unit keeps. What its partner, a branch or a change that waits to be confirmed still needs stays in any case. Never leaves the unit: its disk decides.
 */
export interface History {
  /**
   * Days that a revision stays. A day counts when the unit ran for it, so that a clock that jumps takes nothing away.
   */
  days?: number;
  /**
   * So many of the newest revisions stay, however old they are.
   */
  least?: number;
  /**
   * Of younger revisions, those that come on top of so many go; 1,000 small ones take about 1 MB.
   */
  most?: number;
}

/**
 * The unit's own name. Never leaves the unit.
 */
export interface Host {
  /**
   * Host name of the unit.
   */
  hostname?: string;
}

/**
 * A host name that is known without asking a name server.
 */
export interface HostEntry {
  /**
   * The address of the host.
   */
  address: string;
}

/**
 * One network interface. Its own addresses and its link belong to the unit; the shared address and the HA checks belong to the pair.
 */
export interface Interface {
  /**
   * What the interface is for, in words.
   */
  description?: string;
  /**
   * This unit's own address on the interface.
   */
  address?: string;
  /**
   * Bits of the network part of the unit's address.
   */
  prefix?: number;
  /**
   * The partner's own address on the interface.
   */
  partnerAddress?: string;
  /**
   * The address that only the active unit holds.
   */
  sharedAddress?: string;
  /**
   * Further addresses of this unit on the interface, with their prefix.
   */
  additionalAddresses?: string[];
  /**
   * CARP is spoken on this interface. At least one interface of a pair has it.
   */
  haChecks?: boolean;
  /**
   * What runs over the interface: traffic of clients and servers, a cable straight to the partner, or management only.
   */
  purpose?: 'production' | 'direct-cable' | 'management';
  /**
   * Largest packet, in bytes.
   */
  mtu?: number;
  /**
   * Speed and duplex of the link, in Mbit/s.
   */
  speed?:
    | 'auto'
    | '10-half'
    | '10-full'
    | '100-half'
    | '100-full'
    | '1000-full'
    | '10000-full'
    | '25000-full'
    | '40000-full';
  /**
   * Makes the interface a bond of others.
   */
  bonding?: {
    /**
     * How the bond uses its members.
     */
    mode?: '802.3ad' | 'active-backup';
    /**
     * The bonded interfaces.
     */
    members: string[];
  };
  /**
   * Makes the interface a VLAN of another.
   */
  vlan?: {
    /**
     * VLAN number.
     */
    id: number;
    /**
     * The interface that carries the VLAN.
     */
    parent: string;
  };
  /**
   * Makes the interface a VXLAN of another.
   */
  vxlan?: {
    /**
     * VXLAN network identifier.
     */
    vni: number;
    /**
     * Multicast group or address of the other end.
     */
    group?: string;
    /**
     * The interface that carries the VXLAN.
     */
    parent: string;
  };
  /**
   * The name server of GEO answers on this interface.
   */
  geoResponder?: boolean;
}

/**
 * A certificate that leads from a server certificate to its root.
 */
export interface Intermediate {
  /**
   * The certificate as PEM.
   */
  certificate: string;
}

/**
 * Layer 7 settings of every Virtual Service.
 */
export interface L7 {
  /**
   * New Virtual Services show the client's address to Real Servers.
   */
  transparent?: boolean;
  /**
   * How a request with "Expect: 100-continue" is answered: the code of the appliance, 0 to 3.
   */
  expect100?: number;
  /**
   * Allow more ports for connections to Real Servers by binding to further local addresses.
   */
  localBind?: boolean;
  /**
   * Make the client's port part of the cookies of layer 7 persistence.
   */
  addCookiePort?: boolean;
  /**
   * Which header tells Real Servers the client's address: the code of the appliance, 0 to 6.
   */
  addForwardHeader?: number;
  /**
   * Add a Via header to requests and responses.
   */
  addVia?: boolean;
  /**
   * Seconds an authentication server may take.
   */
  authTimeout?: number;
  /**
   * Milliseconds to wait for the body of a POST while a client authenticates.
   */
  authPostWait?: number;
  /**
   * Seconds to wait for the token of a client.
   */
  clientTokenTimeout?: number;
  /**
   * How strictly layer 7 checks its own connections: the level of the appliance.
   */
  paranoia?: number;
  /**
   * Size of the content cache, in MB.
   */
  cacheSize?: number;
  /**
   * Keep a cache for each host name.
   */
  hostCache?: boolean;
  /**
   * Close connections to Real Servers with a reset.
   */
  resetClose?: boolean;
  /**
   * Read headers as RFC 1738 asks.
   */
  rfcConform?: boolean;
  /**
   * Send TCP keep-alive probes.
   */
  keepAlive?: boolean;
  /**
   * Let uploads of any length pass.
   */
  allowUpload?: boolean;
  /**
   * Close what is left when the drain time of a Real Server ends.
   */
  dropAtDrainEnd?: boolean;
  /**
   * Close the connections of a Real Server that fails.
   */
  dropOnFail?: boolean;
  /**
   * Close the connection after an error was shown to the client.
   */
  closeOnError?: boolean;
  /**
   * Treat Real Servers that connect as clients on the local network.
   */
  realServersAreLocal?: boolean;
  /**
   * Seconds over which a Real Server that comes up is given its full share; 0 is at once.
   */
  slowStart?: number;
  /**
   * Let a POST without a body pass.
   */
  allowEmptyPosts?: boolean;
  /**
   * Let headers without a value pass.
   */
  allowEmptyHttpHeaders?: boolean;
  /**
   * The Sub-Virtual Services of a Virtual Service share their persistence.
   */
  shareSubVsPersist?: boolean;
  /**
   * Look at every rule before a Real Server is chosen.
   */
  forceFullRsMatch?: boolean;
  /**
   * Seconds that Strict-Transport-Security holds; 0 is the built-in time.
   */
  securityHeaderAge?: number;
  /**
   * Keep a connection to a Real Server for one NTLM client.
   */
  ntlmProxy?: boolean;
}

/**
 * What the unit is and may do. Never leaves the unit; both units of a pair have the same model and release.
 */
export interface Licence {
  /**
   * The model of the unit.
   */
  model?: string;
  /**
   * The release that the unit runs.
   */
  release?: string;
  /**
   * The serial number of the unit.
   */
  serialNumber?: string;
  /**
   * The unit may run Virtual Services with ESP.
   */
  esp?: boolean;
  /**
   * The unit is a virtual machine or lives in a cloud.
   */
  virtual?: boolean;
}

/**
 * Limits on traffic as a whole and on each client.
 */
export interface Limits {
  /**
   * Connections a second of one client; 0 is no limit.
   */
  clientConnsPerSec?: number;
  /**
   * Requests a second of one client; 0 is no limit.
   */
  clientRequestsPerSec?: number;
  /**
   * Connections of one client at a time; 0 is no limit.
   */
  clientMaxConns?: number;
  /**
   * Kbit a second of one client; 0 is no limit.
   */
  clientMaxBandwidth?: number;
  /**
   * Connections a second of all clients; 0 is no limit.
   */
  maxConnsPerSec?: number;
  /**
   * Requests a second of all clients; 0 is no limit.
   */
  maxRequestsPerSec?: number;
  /**
   * Connections of all clients at a time; 0 is no limit.
   */
  maxConns?: number;
  /**
   * Kbit a second of all clients; 0 is no limit.
   */
  maxBandwidth?: number;
  /**
   * HTTP status that a client over its limit is shown; 0 is to drop the request.
   */
  sendRateLimitError?: number;
  /**
   * Reset the connection of a client that is over its limit.
   */
  rateLimitFail?: boolean;
  /**
   * Write a line when a limit is reached.
   */
  limitLogging?: boolean;
  /**
   * Seconds before a further line is written about the same client.
   */
  clientRepeatDelay?: number;
  /**
   * Layer 7 connections that may wait to be read; 0 is no limit.
   */
  l7LimitInput?: number;
}

/**
 * Routing and the settings of the network stack. The default gateways belong to the unit.
 */
export interface Network {
  /**
   * IPv4 default gateway. Both units of a pair have the same.
   */
  defaultGateway?: string;
  /**
   * IPv6 default gateway. Both units of a pair have the same.
   */
  defaultGatewayV6?: string;
  /**
   * Real Servers reach the outside through the address of the unit.
   */
  snat?: boolean;
  /**
   * Each interface may have a default gateway of its own.
   */
  multiGateway?: boolean;
  /**
   * Virtual Services with a default route of their own answer by that route only.
   */
  onlyDefaultRoutes?: boolean;
  /**
   * Real Servers may lie outside the networks of the interfaces.
   */
  nonLocalRealServers?: boolean;
  /**
   * Connections to Real Servers start from the address on their network.
   */
  subnetOriginating?: boolean;
  /**
   * The older switch for starting connections from the address on the server's network.
   */
  subnetOrigin?: boolean;
  /**
   * Take packets only on the interface that the answer would leave by.
   */
  routeFilter?: boolean;
  /**
   * Seconds an idle connection is kept; 0 is the built-in limit.
   */
  connTimeout?: number;
  /**
   * Use TCP timestamps.
   */
  tcpTimestamp?: boolean;
  /**
   * Use TCP selective acknowledgements.
   */
  tcpSack?: boolean;
  /**
   * Do not reuse closing connections early.
   */
  tcpNoRecycle?: boolean;
  /**
   * Forward IPv6 packets between interfaces.
   */
  ipv6Forwarding?: boolean;
  /**
   * Ask a DHCPv6 server for an address.
   */
  dhcpV6?: boolean;
  /**
   * Give the DHCPv6 lease back when the unit stops.
   */
  dhcpV6Release?: boolean;
  /**
   * What the DHCPv6 identifier of the unit is made from: link-layer address with time, or without, a UUID, or an enterprise number.
   */
  dhcpV6Duid?: 'LLT' | 'LL' | 'UUID' | 'EN';
}

/**
 * Somebody, or a program, who may work on both units from another machine with an SSH key.
 */
export interface Operator {
  /**
   * SSH public key, without the comment behind it: Ed25519, ECDSA on P-256, or RSA of 2048 bits and more.
   */
  publicKey: string;
  /**
   * read: look. operate: also change the configuration and run the pair. admin: everything, also who may do what.
   */
  role: 'read' | 'operate' | 'admin';
  /**
   * Who or what this is, in words.
   */
  comment?: string;
}

/**
 * A server that a Virtual Service hands its clients to.
 */
export interface RealServer {
  /**
   * Address or host name of the server.
   */
  address: string;
  /**
   * Port of the server; * is the port that the client used.
   */
  port: number | '*';
  /**
   * It is given traffic.
   */
  enable?: boolean;
  /**
   * How packets reach the Real Server: through the unit (nat), or answered by it straight to the client (route).
   */
  forward?: 'nat' | 'route';
  /**
   * Share of the traffic, where the schedule looks at weights.
   */
  weight?: number;
  /**
   * Connections at a time; 0 is no limit.
   */
  limit?: number;
  /**
   * Connections a second; 0 is no limit.
   */
  rateLimit?: number;
  /**
   * The Virtual Service is down without it.
   */
  critical?: boolean;
  /**
   * Another Real Server of the same Virtual Service, whose health check this one follows.
   */
  follow?: string;
  /**
   * Rules that are applied to the choice of this Real Server, in order.
   */
  matchRules?: string[];
}

/**
 * A network that is reached by another gateway than the default one. Routes belong to the unit.
 */
export interface Route {
  /**
   * The network that is reached.
   */
  destination: string;
  /**
   * The address that packets are handed to.
   */
  gateway: string;
  /**
   * The interface that the gateway is on, when its address alone does not say so.
   */
  interface?: string;
}

/**
 * A content rule: what it looks for, and what it does about it.
 */
export interface Rule {
  /**
   * What the rule does.
   */
  type: 'match-content' | 'add-header' | 'delete-header' | 'replace-header' | 'modify-url' | 'replace-body';
  /**
   * How the pattern is read.
   */
  matchType?: 'regex' | 'prefix' | 'postfix';
  /**
   * What is looked for.
   */
  pattern?: string;
  /**
   * Header that is looked at, added, deleted or replaced; without it, the URL.
   */
  header?: string;
  /**
   * What is put in place of the match, or the value of an added header.
   */
  replacement?: string;
  /**
   * Put the host in front of the URL before matching.
   */
  includeHost?: boolean;
  /**
   * Let the query take part in matching.
   */
  includeQuery?: boolean;
  /**
   * Upper and lower case are the same.
   */
  noCase?: boolean;
  /**
   * The rule holds where the pattern does not match.
   */
  negate?: boolean;
  /**
   * A match ends the request with an error.
   */
  mustFail?: boolean;
  /**
   * Flag that a match sets; 0 is none.
   */
  setOnMatch?: number;
  /**
   * Flag that must be set; 0 is none.
   */
  onlyOnFlag?: number;
}

/**
 * Who may read the counters, and who is sent traps.
 */
export interface Snmp {
  /**
   * Answer SNMP.
   */
  enabled?: boolean;
  /**
   * Answer SNMP version 3.
   */
  v3Enabled?: boolean;
  /**
   * User name of version 3.
   */
  v3User?: string;
  /**
   * Password of version 3.
   */
  v3Password?: string;
  /**
   * Authentication of version 3.
   */
  v3AuthProtocol?: 'SHA' | 'MD5';
  /**
   * Encryption of version 3.
   */
  v3PrivacyProtocol?: 'AES' | 'DES';
  /**
   * Community of versions 1 and 2c.
   */
  community?: string;
  /**
   * Hosts that may ask; without any, everyone may.
   */
  clients?: string[];
  /**
   * Who is responsible.
   */
  contact?: string;
  /**
   * Where the pair stands.
   */
  location?: string;
  /**
   * Send traps.
   */
  trapsEnabled?: boolean;
  /**
   * Hosts for traps of version 1.
   */
  trapSinksV1?: string[];
  /**
   * Hosts for traps of version 2c.
   */
  trapSinksV2?: string[];
  /**
   * Send a trap when the active role moves.
   */
  haTrap?: boolean;
}

/**
 * Settings of TLS that hold for every Virtual Service.
 */
export interface Ssl {
  /**
   * Check client certificates of administrators by OCSP.
   */
  ocspCertChecking?: boolean;
  /**
   * Ask the OCSP server over TLS.
   */
  ocspUseSsl?: boolean;
  /**
   * Take a certificate when the OCSP server does not answer.
   */
  ocspOnServerFail?: boolean;
  /**
   * OCSP server.
   */
  ocspServer?: string;
  /**
   * Port of the OCSP server.
   */
  ocspPort?: number;
  /**
   * Path at the OCSP server.
   */
  ocspUrl?: string;
  /**
   * Check the certificates of Real Servers.
   */
  forceServerVerify?: boolean;
  /**
   * Send the OCSP answer along with the certificate.
   */
  stapling?: boolean;
  /**
   * Seconds between two OCSP answers for stapling.
   */
  staplingRefreshInterval?: number;
  /**
   * Do not use the extended master secret.
   */
  disableMasterSecret?: boolean;
  /**
   * Clients may renegotiate.
   */
  renegotiate?: boolean;
  /**
   * Which TLS errors of clients are logged: the code of the appliance.
   */
  clientErrors?: number;
  /**
   * Keys of self-signed certificates: RSA; elliptic curve signed by RSA; or elliptic curve throughout.
   */
  ecCertificates?: 'rsa' | 'ec-signed-by-rsa' | 'ec';
  /**
   * Size of Diffie-Hellman keys, in bits.
   */
  dhKeySize?: 512 | 1024 | 2048 | 4096;
  /**
   * Use the TLS library of old releases.
   */
  oldLibrary?: boolean;
}

/**
 * Where clients of ESP Virtual Services are known.
 */
export interface SsoDomain {
  /**
   * Service that knows the clients.
   */
  authType:
    | 'ldap'
    | 'ldap-starttls'
    | 'ldaps'
    | 'radius'
    | 'rsa-securid'
    | 'kcd'
    | 'certificates'
    | 'saml'
    | 'oidc';
  /**
   * Servers that are asked, in order.
   */
  servers?: string[];
  /**
   * Form of the user name that the servers want.
   */
  logonFormat?: 'principal' | 'username' | 'username-only' | 'not-specified';
  /**
   * Domain that is added to the user name.
   */
  logonDomain?: string;
  /**
   * Account that searches the directory.
   */
  ldapAdmin?: string;
  /**
   * Password of the account that searches the directory.
   */
  ldapPassword?: string;
  /**
   * Failed log-ins after which a client is locked; 0 is never.
   */
  maxFailedAuths?: number;
  /**
   * Seconds after which failed log-ins are forgotten.
   */
  resetFailTimeout?: number;
  /**
   * Seconds after which a locked client may try again.
   */
  unblockTimeout?: number;
  /**
   * What the session timeouts count from: the last request, or the log-in.
   */
  sessionTimeoutType?: 'idle-time' | 'max-duration';
  /**
   * Seconds that a session from a public place lasts.
   */
  sessionTimeoutPublic?: number;
  /**
   * Seconds that a session from a private place lasts.
   */
  sessionTimeoutPrivate?: number;
  /**
   * Account that the servers are checked with.
   */
  testUser?: string;
  /**
   * Password of the account that the servers are checked with.
   */
  testPassword?: string;
  /**
   * Secret shared with the RADIUS servers.
   */
  radiusSecret?: string;
  /**
   * Kerberos realm.
   */
  kerberosDomain?: string;
  /**
   * Kerberos key distribution centre.
   */
  kerberosKdc?: string;
  /**
   * Account that asks for tickets on behalf of clients.
   */
  kcdUser?: string;
  /**
   * Password of the account that asks for tickets.
   */
  kcdPassword?: string;
  /**
   * Entity id of the SAML identity provider.
   */
  idpEntityId?: string;
  /**
   * Where the SAML identity provider logs in.
   */
  idpSsoUrl?: string;
  /**
   * Where the SAML identity provider logs off.
   */
  idpLogoffUrl?: string;
  /**
   * Certificate that the SAML identity provider signs by.
   */
  idpCertificate?: string;
  /**
   * Entity id that the pair shows to the SAML identity provider.
   */
  spEntityId?: string;
  /**
   * Client id at the OpenID provider.
   */
  oidcClientId?: string;
  /**
   * Client secret at the OpenID provider.
   */
  oidcClientSecret?: string;
}

/**
 * Settings of ESP that hold for every SSO domain.
 */
export interface SsoSettings {
  /**
   * Log-ins that are worked on at a time.
   */
  maxThreads?: number;
  /**
   * Write ESP logs into one file, oldest line first.
   */
  linearEspLogs?: boolean;
  /**
   * Use SHA-1 ciphers for Kerberos tickets.
   */
  kcdCipherSha1?: boolean;
}

/**
 * A server that a Sub-Virtual Service hands its clients to.
 */
export interface SubRealServer {
  /**
   * Address or host name of the server.
   */
  address: string;
  /**
   * Port of the server; * is the port that the client used.
   */
  port: number | '*';
  /**
   * It is given traffic.
   */
  enable?: boolean;
  /**
   * How packets reach the Real Server: through the unit (nat), or answered by it straight to the client (route).
   */
  forward?: 'nat' | 'route';
  /**
   * Share of the traffic, where the schedule looks at weights.
   */
  weight?: number;
  /**
   * Connections at a time; 0 is no limit.
   */
  limit?: number;
  /**
   * Connections a second; 0 is no limit.
   */
  rateLimit?: number;
  /**
   * The Virtual Service is down without it.
   */
  critical?: boolean;
  /**
   * Another Real Server of the same Virtual Service, whose health check this one follows.
   */
  follow?: string;
  /**
   * Rules that are applied to the choice of this Real Server, in order.
   */
  matchRules?: string[];
}

/**
 * A part of a Virtual Service with settings and Real Servers of its own.
 */
export interface SubVirtualService {
  /**
   * The name that people call it by.
   */
  nickname?: string;
  /**
   * It serves.
   */
  enable?: boolean;
  /**
   * What kind of traffic is served: anything (gen), http, http2, terminal services (ts), STARTTLS protocols (tls) or log.
   */
  type?: 'gen' | 'http' | 'http2' | 'ts' | 'tls' | 'log';
  /**
   * The layer that it works at.
   */
  layer?: 4 | 7;
  /**
   * Work at layer 4.
   */
  forceL4?: boolean;
  /**
   * Work at layer 7.
   */
  forceL7?: boolean;
  /**
   * Real Servers see the client's address.
   */
  transparent?: boolean;
  /**
   * Connections to Real Servers start from the address on their network.
   */
  subnetOriginating?: boolean;
  /**
   * Real Servers reach the outside through its address.
   */
  useForSnat?: boolean;
  /**
   * Protocol in which the server speaks first, if it does.
   */
  serverInit?: 'none' | 'smtp' | 'ssh' | 'other' | 'imap4' | 'mysql' | 'pop3';
  /**
   * STARTTLS protocol: the code of the appliance; 0 is none.
   */
  startTlsMode?: number;
  /**
   * Seconds an idle connection is kept; 0 is the global time.
   */
  idleTime?: number;
  /**
   * Requests of several clients share connections to Real Servers.
   */
  multiConnect?: boolean;
  /**
   * Type of service that packets are marked with: the code of the appliance (0, 1, 2, 4, 8, 16); 0 is none.
   */
  qos?: number;
  /**
   * How a Real Server is chosen: round robin (rr), weighted round robin (wrr), least connections (lc), weighted least connections (wlc), fixed weight, adaptive, source address hash (sh), weighted response time (dl), SDN adaptive, URL hash (uhash).
   */
  schedule?: 'rr' | 'wrr' | 'lc' | 'wlc' | 'fixed' | 'adaptive' | 'sh' | 'dl' | 'sdn-adaptive' | 'uhash';
  /**
   * Path that Real Servers tell their load at, for adaptive scheduling.
   */
  adaptiveUrl?: string;
  /**
   * What ties a client to its Real Server.
   */
  persist?:
    | 'none'
    | 'ssl'
    | 'cookie'
    | 'active-cookie'
    | 'cookie-src'
    | 'active-cook-src'
    | 'cookie-hash'
    | 'cookie-hash-src'
    | 'url'
    | 'query-hash'
    | 'host'
    | 'header'
    | 'super'
    | 'super-src'
    | 'src'
    | 'rdp'
    | 'rdp-src'
    | 'rdp-sb'
    | 'rdp-sb-src'
    | 'udpsip';
  /**
   * Seconds that a client stays tied after its last connection.
   */
  persistTimeout?: number;
  /**
   * Each request starts the persist timeout anew.
   */
  refreshPersist?: boolean;
  /**
   * Cookie that persistence looks at or sets.
   */
  cookie?: string;
  /**
   * Query item or header that persistence looks at.
   */
  queryTag?: string;
  /**
   * How Real Servers are checked.
   */
  checkType?:
    | 'tcp'
    | 'icmp'
    | 'http'
    | 'https'
    | 'smtp'
    | 'nntp'
    | 'ftp'
    | 'telnet'
    | 'pop3'
    | 'imap'
    | 'rdp'
    | 'bdata'
    | 'ldap'
    | 'none';
  /**
   * Port that is checked; 0 is the port of the Real Server.
   */
  checkPort?: number;
  /**
   * Path that the check asks for.
   */
  checkUrl?: string;
  /**
   * Host header of the check.
   */
  checkHost?: string;
  /**
   * HTTP method of the check.
   */
  checkMethod?: 'head' | 'get' | 'post' | 'options';
  /**
   * The check speaks HTTP/1.1 and not 1.0.
   */
  checkUse11?: boolean;
  /**
   * Further headers of the check.
   */
  checkHeaders?: string;
  /**
   * HTTP statuses besides 200 that count as good.
   */
  checkCodes?: string;
  /**
   * Text that a good answer holds.
   */
  checkPattern?: string;
  /**
   * Body of a POST check.
   */
  checkPostData?: string;
  /**
   * Bytes of the answer that are searched for the pattern.
   */
  matchLen?: number;
  /**
   * Clients must name a host in the TLS handshake (SNI).
   */
  needHostName?: boolean;
  /**
   * Seconds between two checks; 0 is the global time.
   */
  chkInterval?: number;
  /**
   * Seconds that an answer to a check may take; 0 is the global time.
   */
  chkTimeout?: number;
  /**
   * Failed checks in a row after which a Real Server is down; 0 is the global number.
   */
  chkRetryCount?: number;
  /**
   * It is up only while the least number of Real Servers is up.
   */
  enhancedHealthChecks?: boolean;
  /**
   * Least number of Real Servers that must be up; 0 is any one.
   */
  rsMinimum?: number;
  /**
   * TLS of clients ends here.
   */
  sslAcceleration?: boolean;
  /**
   * Certificates that are shown to clients.
   */
  certificates?: string[];
  /**
   * Name of the set of ciphers that are offered.
   */
  cipherSet?: string;
  /**
   * TLS versions that are refused to clients.
   */
  disabledTlsVersions?: ('SSLv3' | 'TLSv1.0' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3')[];
  /**
   * Connections to Real Servers are TLS.
   */
  sslReencrypt?: boolean;
  /**
   * Clients speak plain text, Real Servers TLS.
   */
  sslReverse?: boolean;
  /**
   * Host that is named in the TLS handshake with Real Servers.
   */
  reverseSniHostname?: string;
  /**
   * Scheme that is put into the redirects of Real Servers.
   */
  sslRewrite?: 'none' | 'http' | 'https';
  /**
   * Whether clients must show a certificate, and in which header it is passed on: the code of the appliance; 0 is no.
   */
  clientCert?: number;
  /**
   * Check client certificates by OCSP.
   */
  ocspVerify?: boolean;
  /**
   * Clients may speak HTTP/2.
   */
  allowHttp2?: boolean;
  /**
   * Tell Real Servers the client's cipher in a header.
   */
  passCipher?: boolean;
  /**
   * Pass the host that the client named on to Real Servers' TLS.
   */
  passSni?: boolean;
  /**
   * Strict-Transport-Security header: none, for the host, with its subdomains, and each with preload.
   */
  securityHeaderOptions?: 'none' | 'host' | 'subdomains' | 'host-preload' | 'subdomains-preload';
  /**
   * SameSite attribute of the cookies that are set.
   */
  sameSite?: 'unset' | 'none' | 'lax' | 'strict';
  /**
   * Check the bearer token of requests.
   */
  verifyBearer?: boolean;
  /**
   * Certificate that bearer tokens are signed by.
   */
  bearerCertificate?: string;
  /**
   * Text that a bearer token must hold.
   */
  bearerText?: string;
  /**
   * Keep static content.
   */
  cache?: boolean;
  /**
   * Share of the cache it may use, in percent; 0 is no limit.
   */
  cachePercent?: number;
  /**
   * Compress answers.
   */
  compress?: boolean;
  /**
   * What is done about requests that look like an attack: the bit mask of the appliance.
   */
  verify?: number;
  /**
   * Headers that tell Real Servers the client's address.
   */
  addVia?:
    | 'legacy'
    | 'x-forwarded-for-and-via'
    | 'none'
    | 'x-clientside-and-via'
    | 'x-clientside'
    | 'x-forwarded-for'
    | 'via';
  /**
   * Name of a header that is added to requests.
   */
  extraHeaderKey?: string;
  /**
   * Value of the header that is added to requests.
   */
  extraHeaderValue?: string;
  /**
   * Header that is copied.
   */
  copyHeaderFrom?: string;
  /**
   * Header that the copy goes into.
   */
  copyHeaderTo?: string;
  /**
   * Choose a Real Server for each request of a connection anew.
   */
  httpReschedule?: boolean;
  /**
   * HTTP status that is shown when no Real Server is up; 0 is the built-in one.
   */
  errorCode?: number;
  /**
   * Where clients are sent when no Real Server is up.
   */
  errorUrl?: string;
  /**
   * Page that is shown when no Real Server is up.
   */
  errorPage?: string;
  /**
   * Server that answers when no Real Server is up.
   */
  standbyAddress?: string;
  /**
   * Port of the server that answers when no Real Server is up.
   */
  standbyPort?: number;
  /**
   * Change the statuses of Real Servers on their way to clients.
   */
  responseStatusRemap?: boolean;
  /**
   * Form of the changed answers: the code of the appliance.
   */
  responseRemapMsgFormat?: number;
  /**
   * Rules that are applied to the choice of a Real Server, in order.
   */
  matchRules?: string[];
  /**
   * Rules that are applied to requests, in order.
   */
  requestRules?: string[];
  /**
   * Rules that are applied to responses, in order.
   */
  responseRules?: string[];
  /**
   * Rules that are applied to the bodies of responses, in order.
   */
  matchBodyRules?: string[];
  /**
   * Rules that are applied to requests before any other, in order.
   */
  preProcessRules?: string[];
  /**
   * Web application firewall: off, with the old rules, or with the OWASP rules.
   */
  interceptMode?: 'off' | 'legacy' | 'owasp';
  /**
   * The web application firewall looks at requests.
   */
  intercept?: boolean;
  /**
   * Switches of the firewall with the old rules, as the appliance names them.
   */
  interceptOpts?: string[];
  /**
   * Switches of the firewall with the OWASP rules, as the appliance names them.
   */
  owaspOpts?: string[];
  /**
   * Events an hour after which the firewall warns; 0 is never.
   */
  alertThreshold?: number;
  /**
   * Paranoia level whose rules block.
   */
  blockingParanoia?: number;
  /**
   * Paranoia level whose rules are run.
   */
  executingParanoia?: number;
  /**
   * Score at which a request is blocked.
   */
  anomalyScoringThreshold?: number;
  /**
   * Refuse clients of bad reputation.
   */
  ipReputationBlocking?: boolean;
  /**
   * Steps that one regular expression of the firewall may take; 0 is the built-in limit.
   */
  pcreLimit?: number;
  /**
   * Nesting of JSON that the firewall reads; 0 is the built-in limit.
   */
  jsondLimit?: number;
  /**
   * Bytes of a body that the firewall reads; 0 is the built-in limit.
   */
  bodyLimit?: number;
  /**
   * Transactions a second that the firewall looks at; 0 is no limit.
   */
  transactionLimit?: number;
  /**
   * Clients log in here first (ESP). Needs a licence with ESP.
   */
  espEnabled?: boolean;
  /**
   * How clients log in.
   */
  inputAuthMode?: 'none' | 'basic' | 'form' | 'certificate' | 'ntlm' | 'saml' | 'pass-post' | 'oidc';
  /**
   * How Real Servers are told who logged in.
   */
  outputAuthMode?: 'none' | 'basic' | 'form' | 'kcd' | 'server-token';
  /**
   * SSO domain that clients log in to.
   */
  ssoDomain?: string;
  /**
   * Further SSO domains that clients may log in to.
   */
  altSsoDomains?: string[];
  /**
   * Hosts that clients may ask for.
   */
  allowedHosts?: string[];
  /**
   * Paths that clients may ask for.
   */
  allowedDirectories?: string[];
  /**
   * Paths that need no log-in.
   */
  excludedDirectories?: string[];
  /**
   * Groups whose members may pass.
   */
  allowedGroups?: string[];
  /**
   * Members of groups within those groups may pass too.
   */
  includeNestedGroups?: boolean;
  /**
   * Path that logs a client off.
   */
  logoff?: string;
  /**
   * What ESP logs: the bit mask of the appliance.
   */
  espLogs?: number;
  /**
   * Set of pages that clients log in with.
   */
  ssoImageSet?: string;
  /**
   * Text on the log-in page.
   */
  ssoMessage?: string;
  /**
   * Kbit a second; 0 is no limit.
   */
  bandwidth?: number;
  /**
   * New connections a second; 0 is no limit.
   */
  connsPerSecLimit?: number;
  /**
   * Requests a second; 0 is no limit.
   */
  requestsPerSecLimit?: number;
  /**
   * Connections at a time; 0 is no limit.
   */
  maxConnsLimit?: number;
  /**
   * Gateway that answers leave by, when it is not the default one.
   */
  defaultGateway?: string;
  /**
   * How packets reach the Real Server: through the unit (nat), or answered by it straight to the client (route).
   */
  forward?: 'nat' | 'route';
  /**
   * Share of the traffic, where the schedule looks at weights.
   */
  weight?: number;
  /**
   * Connections at a time; 0 is no limit.
   */
  limit?: number;
  /**
   * Connections a second; 0 is no limit.
   */
  rateLimit?: number;
  /**
   * The Virtual Service is down without it.
   */
  critical?: boolean;
}

/**
 * Where log lines are sent.
 */
export interface Syslog {
  /**
   * Hosts for lines of level emergency.
   */
  emergency?: string[];
  /**
   * Hosts for lines of level critical and worse.
   */
  critical?: string[];
  /**
   * Hosts for lines of level error and worse.
   */
  error?: string[];
  /**
   * Hosts for lines of level warning and worse.
   */
  warning?: string[];
  /**
   * Hosts for lines of level notice and worse.
   */
  notice?: string[];
  /**
   * Hosts for lines of level info and worse.
   */
  info?: string[];
  /**
   * Port of the log hosts.
   */
  port?: number;
  /**
   * Protocol to the log hosts.
   */
  protocol?: 'udp' | 'tcp' | 'tls';
  /**
   * Show a client certificate to the log hosts.
   */
  certificate?: boolean;
  /**
   * Write lines in the Common Event Format.
   */
  cefFormat?: boolean;
  /**
   * Write the user agent of a request into its line.
   */
  logUserAgent?: boolean;
  /**
   * Lines of layer 7 log that are written as one block.
   */
  splitInterval?: number;
  /**
   * Host that messages of the kernel are sent to.
   */
  netConsoleHost?: string;
  /**
   * Interface that messages of the kernel leave by.
   */
  netConsoleInterface?: string;
}

/**
 * How the machine itself runs.
 */
export interface System {
  /**
   * Spread interrupts over the processors.
   */
  irqBalance?: boolean;
  /**
   * Bind interrupts to processors.
   */
  irqPinning?: boolean;
  /**
   * Save counters and states now and then, so that they outlive a restart.
   */
  autosave?: boolean;
  /**
   * Look for new releases at the maker of the appliance.
   */
  tethering?: boolean;
}

/**
 * What is told to a flow collector about the traffic.
 */
export interface Telemetry {
  /**
   * Seconds after which a running flow is reported.
   */
  activeTimeout?: number;
  /**
   * Seconds of silence after which a flow is reported.
   */
  inactiveTimeout?: number;
  /**
   * Report fields about ARP.
   */
  arp?: boolean;
  /**
   * Report fields about DHCP.
   */
  dhcp?: boolean;
  /**
   * Report fields about DNS.
   */
  dns?: boolean;
  /**
   * Report fields about HTTP.
   */
  http?: boolean;
  /**
   * Report fields about mail.
   */
  mail?: boolean;
  /**
   * Report fields about NBAR2 application names.
   */
  nbar2?: boolean;
  /**
   * Report fields about SMB.
   */
  samba?: boolean;
  /**
   * Report fields about voice calls.
   */
  extendedVoip?: boolean;
  /**
   * Report fields about PostgreSQL.
   */
  postgres?: boolean;
  /**
   * Report fields about MySQL.
   */
  mySql?: boolean;
  /**
   * Report fields about network performance.
   */
  npm?: boolean;
  /**
   * Report fields about network performance in detail.
   */
  extendedNpm?: boolean;
  /**
   * Report fields about TDS (SQL Server).
   */
  tds?: boolean;
}

/**
 * Where the unit takes the time from. Never leaves the unit.
 */
export interface Time {
  /**
   * Time servers, in order.
   */
  ntpHosts?: string[];
  /**
   * Number of the key shared with the time server; 0 is none.
   */
  ntpKeyId?: number;
  /**
   * Digest that the key is used with.
   */
  ntpKeyType?: 'SHA-1' | 'MD5';
  /**
   * The key shared with the time server.
   */
  ntpKeySecret?: string;
  /**
   * Time zone by its name.
   */
  timeZone?: string;
}

/**
 * The same for one unit alone. Where both know a key, this one counts.
 */
export interface UnitOperator {
  /**
   * SSH public key, without the comment behind it: Ed25519, ECDSA on P-256, or RSA of 2048 bits and more.
   */
  publicKey: string;
  /**
   * read: look. operate: also change the configuration and run the pair. admin: everything, also who may do what.
   */
  role: 'read' | 'operate' | 'admin';
  /**
   * Who or what this is, in words.
   */
  comment?: string;
}

/**
 * Somebody who may administer the pair. The passwords are kept as scrypt hashes only.
 */
export interface User {
  /**
   * What the user may change. Without any, the user may look only.
   */
  permissions?: (
    | 'root'
    | 'vs'
    | 'real-servers'
    | 'rules'
    | 'backup'
    | 'certificates'
    | 'intermediates'
    | 'certificate-backup'
    | 'users'
    | 'geo'
    | 'add-vs'
  )[];
  /**
   * scrypt hash of the password.
   */
  passwordHash?: string;
  /**
   * The user is known here, but logs in by an outside service or a client certificate.
   */
  noLocalPassword?: boolean;
  /**
   * Public key for logging in over SSH, as one line.
   */
  sshPublicKey?: string;
  /**
   * Who this is, in words.
   */
  comment?: string;
}

/**
 * An address, port and protocol that clients are served at.
 */
export interface VirtualService {
  /**
   * Address that clients connect to.
   */
  address: string;
  /**
   * Port that clients connect to; * is every port.
   */
  port: number | '*';
  /**
   * Protocol of layer 4.
   */
  protocol: 'tcp' | 'udp';
  /**
   * Further ports and port ranges.
   */
  extraPorts?: string[];
  /**
   * Further address that clients may connect to.
   */
  altAddress?: string;
  /**
   * Virtual Service whose persistence this one follows.
   */
  followVirtualService?: string;
  /**
   * The name that people call it by.
   */
  nickname?: string;
  /**
   * It serves.
   */
  enable?: boolean;
  /**
   * What kind of traffic is served: anything (gen), http, http2, terminal services (ts), STARTTLS protocols (tls) or log.
   */
  type?: 'gen' | 'http' | 'http2' | 'ts' | 'tls' | 'log';
  /**
   * The layer that it works at.
   */
  layer?: 4 | 7;
  /**
   * Work at layer 4.
   */
  forceL4?: boolean;
  /**
   * Work at layer 7.
   */
  forceL7?: boolean;
  /**
   * Real Servers see the client's address.
   */
  transparent?: boolean;
  /**
   * Connections to Real Servers start from the address on their network.
   */
  subnetOriginating?: boolean;
  /**
   * Real Servers reach the outside through its address.
   */
  useForSnat?: boolean;
  /**
   * Protocol in which the server speaks first, if it does.
   */
  serverInit?: 'none' | 'smtp' | 'ssh' | 'other' | 'imap4' | 'mysql' | 'pop3';
  /**
   * STARTTLS protocol: the code of the appliance; 0 is none.
   */
  startTlsMode?: number;
  /**
   * Seconds an idle connection is kept; 0 is the global time.
   */
  idleTime?: number;
  /**
   * Requests of several clients share connections to Real Servers.
   */
  multiConnect?: boolean;
  /**
   * Type of service that packets are marked with: the code of the appliance (0, 1, 2, 4, 8, 16); 0 is none.
   */
  qos?: number;
  /**
   * How a Real Server is chosen: round robin (rr), weighted round robin (wrr), least connections (lc), weighted least connections (wlc), fixed weight, adaptive, source address hash (sh), weighted response time (dl), SDN adaptive, URL hash (uhash).
   */
  schedule?: 'rr' | 'wrr' | 'lc' | 'wlc' | 'fixed' | 'adaptive' | 'sh' | 'dl' | 'sdn-adaptive' | 'uhash';
  /**
   * Path that Real Servers tell their load at, for adaptive scheduling.
   */
  adaptiveUrl?: string;
  /**
   * What ties a client to its Real Server.
   */
  persist?:
    | 'none'
    | 'ssl'
    | 'cookie'
    | 'active-cookie'
    | 'cookie-src'
    | 'active-cook-src'
    | 'cookie-hash'
    | 'cookie-hash-src'
    | 'url'
    | 'query-hash'
    | 'host'
    | 'header'
    | 'super'
    | 'super-src'
    | 'src'
    | 'rdp'
    | 'rdp-src'
    | 'rdp-sb'
    | 'rdp-sb-src'
    | 'udpsip';
  /**
   * Seconds that a client stays tied after its last connection.
   */
  persistTimeout?: number;
  /**
   * Each request starts the persist timeout anew.
   */
  refreshPersist?: boolean;
  /**
   * Cookie that persistence looks at or sets.
   */
  cookie?: string;
  /**
   * Query item or header that persistence looks at.
   */
  queryTag?: string;
  /**
   * How Real Servers are checked.
   */
  checkType?:
    | 'tcp'
    | 'icmp'
    | 'http'
    | 'https'
    | 'smtp'
    | 'nntp'
    | 'ftp'
    | 'telnet'
    | 'pop3'
    | 'imap'
    | 'rdp'
    | 'bdata'
    | 'ldap'
    | 'none';
  /**
   * Port that is checked; 0 is the port of the Real Server.
   */
  checkPort?: number;
  /**
   * Path that the check asks for.
   */
  checkUrl?: string;
  /**
   * Host header of the check.
   */
  checkHost?: string;
  /**
   * HTTP method of the check.
   */
  checkMethod?: 'head' | 'get' | 'post' | 'options';
  /**
   * The check speaks HTTP/1.1 and not 1.0.
   */
  checkUse11?: boolean;
  /**
   * Further headers of the check.
   */
  checkHeaders?: string;
  /**
   * HTTP statuses besides 200 that count as good.
   */
  checkCodes?: string;
  /**
   * Text that a good answer holds.
   */
  checkPattern?: string;
  /**
   * Body of a POST check.
   */
  checkPostData?: string;
  /**
   * Bytes of the answer that are searched for the pattern.
   */
  matchLen?: number;
  /**
   * Clients must name a host in the TLS handshake (SNI).
   */
  needHostName?: boolean;
  /**
   * Seconds between two checks; 0 is the global time.
   */
  chkInterval?: number;
  /**
   * Seconds that an answer to a check may take; 0 is the global time.
   */
  chkTimeout?: number;
  /**
   * Failed checks in a row after which a Real Server is down; 0 is the global number.
   */
  chkRetryCount?: number;
  /**
   * It is up only while the least number of Real Servers is up.
   */
  enhancedHealthChecks?: boolean;
  /**
   * Least number of Real Servers that must be up; 0 is any one.
   */
  rsMinimum?: number;
  /**
   * TLS of clients ends here.
   */
  sslAcceleration?: boolean;
  /**
   * Certificates that are shown to clients.
   */
  certificates?: string[];
  /**
   * Name of the set of ciphers that are offered.
   */
  cipherSet?: string;
  /**
   * TLS versions that are refused to clients.
   */
  disabledTlsVersions?: ('SSLv3' | 'TLSv1.0' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3')[];
  /**
   * Connections to Real Servers are TLS.
   */
  sslReencrypt?: boolean;
  /**
   * Clients speak plain text, Real Servers TLS.
   */
  sslReverse?: boolean;
  /**
   * Host that is named in the TLS handshake with Real Servers.
   */
  reverseSniHostname?: string;
  /**
   * Scheme that is put into the redirects of Real Servers.
   */
  sslRewrite?: 'none' | 'http' | 'https';
  /**
   * Whether clients must show a certificate, and in which header it is passed on: the code of the appliance; 0 is no.
   */
  clientCert?: number;
  /**
   * Check client certificates by OCSP.
   */
  ocspVerify?: boolean;
  /**
   * Clients may speak HTTP/2.
   */
  allowHttp2?: boolean;
  /**
   * Tell Real Servers the client's cipher in a header.
   */
  passCipher?: boolean;
  /**
   * Pass the host that the client named on to Real Servers' TLS.
   */
  passSni?: boolean;
  /**
   * Strict-Transport-Security header: none, for the host, with its subdomains, and each with preload.
   */
  securityHeaderOptions?: 'none' | 'host' | 'subdomains' | 'host-preload' | 'subdomains-preload';
  /**
   * SameSite attribute of the cookies that are set.
   */
  sameSite?: 'unset' | 'none' | 'lax' | 'strict';
  /**
   * Check the bearer token of requests.
   */
  verifyBearer?: boolean;
  /**
   * Certificate that bearer tokens are signed by.
   */
  bearerCertificate?: string;
  /**
   * Text that a bearer token must hold.
   */
  bearerText?: string;
  /**
   * Keep static content.
   */
  cache?: boolean;
  /**
   * Share of the cache it may use, in percent; 0 is no limit.
   */
  cachePercent?: number;
  /**
   * Compress answers.
   */
  compress?: boolean;
  /**
   * What is done about requests that look like an attack: the bit mask of the appliance.
   */
  verify?: number;
  /**
   * Headers that tell Real Servers the client's address.
   */
  addVia?:
    | 'legacy'
    | 'x-forwarded-for-and-via'
    | 'none'
    | 'x-clientside-and-via'
    | 'x-clientside'
    | 'x-forwarded-for'
    | 'via';
  /**
   * Name of a header that is added to requests.
   */
  extraHeaderKey?: string;
  /**
   * Value of the header that is added to requests.
   */
  extraHeaderValue?: string;
  /**
   * Header that is copied.
   */
  copyHeaderFrom?: string;
  /**
   * Header that the copy goes into.
   */
  copyHeaderTo?: string;
  /**
   * Choose a Real Server for each request of a connection anew.
   */
  httpReschedule?: boolean;
  /**
   * HTTP status that is shown when no Real Server is up; 0 is the built-in one.
   */
  errorCode?: number;
  /**
   * Where clients are sent when no Real Server is up.
   */
  errorUrl?: string;
  /**
   * Page that is shown when no Real Server is up.
   */
  errorPage?: string;
  /**
   * Server that answers when no Real Server is up.
   */
  standbyAddress?: string;
  /**
   * Port of the server that answers when no Real Server is up.
   */
  standbyPort?: number;
  /**
   * Change the statuses of Real Servers on their way to clients.
   */
  responseStatusRemap?: boolean;
  /**
   * Form of the changed answers: the code of the appliance.
   */
  responseRemapMsgFormat?: number;
  /**
   * Rules that are applied to the choice of a Real Server, in order.
   */
  matchRules?: string[];
  /**
   * Rules that are applied to requests, in order.
   */
  requestRules?: string[];
  /**
   * Rules that are applied to responses, in order.
   */
  responseRules?: string[];
  /**
   * Rules that are applied to the bodies of responses, in order.
   */
  matchBodyRules?: string[];
  /**
   * Rules that are applied to requests before any other, in order.
   */
  preProcessRules?: string[];
  /**
   * Web application firewall: off, with the old rules, or with the OWASP rules.
   */
  interceptMode?: 'off' | 'legacy' | 'owasp';
  /**
   * The web application firewall looks at requests.
   */
  intercept?: boolean;
  /**
   * Switches of the firewall with the old rules, as the appliance names them.
   */
  interceptOpts?: string[];
  /**
   * Switches of the firewall with the OWASP rules, as the appliance names them.
   */
  owaspOpts?: string[];
  /**
   * Events an hour after which the firewall warns; 0 is never.
   */
  alertThreshold?: number;
  /**
   * Paranoia level whose rules block.
   */
  blockingParanoia?: number;
  /**
   * Paranoia level whose rules are run.
   */
  executingParanoia?: number;
  /**
   * Score at which a request is blocked.
   */
  anomalyScoringThreshold?: number;
  /**
   * Refuse clients of bad reputation.
   */
  ipReputationBlocking?: boolean;
  /**
   * Steps that one regular expression of the firewall may take; 0 is the built-in limit.
   */
  pcreLimit?: number;
  /**
   * Nesting of JSON that the firewall reads; 0 is the built-in limit.
   */
  jsondLimit?: number;
  /**
   * Bytes of a body that the firewall reads; 0 is the built-in limit.
   */
  bodyLimit?: number;
  /**
   * Transactions a second that the firewall looks at; 0 is no limit.
   */
  transactionLimit?: number;
  /**
   * Clients log in here first (ESP). Needs a licence with ESP.
   */
  espEnabled?: boolean;
  /**
   * How clients log in.
   */
  inputAuthMode?: 'none' | 'basic' | 'form' | 'certificate' | 'ntlm' | 'saml' | 'pass-post' | 'oidc';
  /**
   * How Real Servers are told who logged in.
   */
  outputAuthMode?: 'none' | 'basic' | 'form' | 'kcd' | 'server-token';
  /**
   * SSO domain that clients log in to.
   */
  ssoDomain?: string;
  /**
   * Further SSO domains that clients may log in to.
   */
  altSsoDomains?: string[];
  /**
   * Hosts that clients may ask for.
   */
  allowedHosts?: string[];
  /**
   * Paths that clients may ask for.
   */
  allowedDirectories?: string[];
  /**
   * Paths that need no log-in.
   */
  excludedDirectories?: string[];
  /**
   * Groups whose members may pass.
   */
  allowedGroups?: string[];
  /**
   * Members of groups within those groups may pass too.
   */
  includeNestedGroups?: boolean;
  /**
   * Path that logs a client off.
   */
  logoff?: string;
  /**
   * What ESP logs: the bit mask of the appliance.
   */
  espLogs?: number;
  /**
   * Set of pages that clients log in with.
   */
  ssoImageSet?: string;
  /**
   * Text on the log-in page.
   */
  ssoMessage?: string;
  /**
   * Kbit a second; 0 is no limit.
   */
  bandwidth?: number;
  /**
   * New connections a second; 0 is no limit.
   */
  connsPerSecLimit?: number;
  /**
   * Requests a second; 0 is no limit.
   */
  requestsPerSecLimit?: number;
  /**
   * Connections at a time; 0 is no limit.
   */
  maxConnsLimit?: number;
  /**
   * Gateway that answers leave by, when it is not the default one.
   */
  defaultGateway?: string;
}

/**
 * The web user interface and the API of the appliance. The certificates of the interface belong to the unit.
 */
export interface WebAdmin {
  /**
   * The web interface answers.
   */
  enabled?: boolean;
  /**
   * The interface that the web interface answers on.
   */
  interface?: string;
  /**
   * Port of the web interface.
   */
  port?: number;
  /**
   * The web interface answers on every interface.
   */
  multiHomed?: boolean;
  /**
   * The API answers.
   */
  apiEnabled?: boolean;
  /**
   * Port of the API.
   */
  apiPort?: number;
  /**
   * TLS versions that the web interface refuses.
   */
  disabledTlsVersions?: ('SSLv3' | 'TLSv1.0' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3')[];
  /**
   * Show help where the pointer rests.
   */
  hoverHelp?: boolean;
  /**
   * Lines a page of a list; 0 is all.
   */
  displayLines?: number;
  /**
   * Certificate of the web interface.
   */
  adminCertificate?: string;
  /**
   * Certificate of the web interface on the unit's own address.
   */
  localCertificate?: string;
}

/**
 * The certificate that the web interface of this unit shows, with its private key. Never leaves the unit.
 */
export interface WebCertificate {
  /**
   * The certificate as PEM; the certificates that lead to its root may follow it.
   */
  certificate: string;
  /**
   * Its private key as PEM.
   */
  key?: string;
  /**
   * The unit made it itself, and makes a new one before it expires.
   */
  selfSigned?: boolean;
}

/** The name of each built-in kind, and what a record of it holds. */
export interface KindTypes {
  access: Access;
  acme: Acme;
  authentication: Authentication;
  backupSchedule: BackupSchedule;
  bal: Bal;
  certificate: Certificate;
  dns: Dns;
  driftAlert: DriftAlert;
  email: Email;
  geoCluster: GeoCluster;
  geoFqdn: GeoFqdn;
  geoSettings: GeoSettings;
  geoSite: GeoSite;
  ha: Ha;
  health: Health;
  history: History;
  host: Host;
  hostEntry: HostEntry;
  interface: Interface;
  intermediate: Intermediate;
  l7: L7;
  licence: Licence;
  limits: Limits;
  network: Network;
  operator: Operator;
  realServer: RealServer;
  route: Route;
  rule: Rule;
  snmp: Snmp;
  ssl: Ssl;
  ssoDomain: SsoDomain;
  ssoSettings: SsoSettings;
  subRealServer: SubRealServer;
  subVirtualService: SubVirtualService;
  syslog: Syslog;
  system: System;
  telemetry: Telemetry;
  time: Time;
  unitOperator: UnitOperator;
  user: User;
  virtualService: VirtualService;
  webAdmin: WebAdmin;
  webCertificate: WebCertificate;
}
