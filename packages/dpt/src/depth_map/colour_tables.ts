// Written by scripts/colour_tables.py: 256 colours per map from far to near. The first in hexadecimal digits, then per channel what
// each adds to the one before it, `m` for 0, `n` for 1, `l` for −1: a fifth of the colours themselves when compressed.
// inferno, magma, viridis, plasma: Nathaniel J. Smith, Stéfan van der Walt and Eric Firing, CC0. turbo: Anton Mikhailov, Google, Apache-2.0.
// cividis: Jamie R. Nuñez, Christopher R. Anderton and Ryan S. Renslow, as matplotlib has it, CC0.
// twilight: Bastian Bechtold, CC0; 510 colours read at 256 even points.
// spectral: ColorBrewer's Spectral reversed, Cynthia Brewer, Mark Harrower and The Pennsylvania State University, Apache-2.0.
export const colourTables = {
  inferno: [
    '000004',
    'nmmnmmnnmnnnnnnnnnnonnonnonononoonoonoooonooonoonooonoononoononoononoononoononoononon' +
      'oononoononoonononoononoononononoonononononononnononnonnonnonnnonnnnonnnnnnnnnnnnnnmnn' +
      'nnmnnmnnmnnmnmnmnmmnmmnmmnmmmmnmmmmmmmmmmmlmmmmlmmmlmmlmlmlmlmlmmlmlmmlmmmnmnmnnnonno',
    'mnmmnmmnmnmnmnnmnmnmnmnmmnmmmmmmmmmlmmmlmmmlmmmmmnmmmnmnmnmnmnmnmnnmnmnnmnmnnmnmnmnnm' +
      'nmnmnnmnmnmnmnnmnmnmnnmnmnnmnnmnnmnnmnnnmnnnnnmnnnnnnnnnnnnnnonnnnonnnonnononnononono' +
      'noonoonoonoonooonooonooooonooooooonoooooooooooooooonooooooooooooooonooonoononnonnnnno',
    'nnooooooopoooopoopoopoopopopoopoopoooooonononnnnnnnmnnmnmnmmnmmnmmmmmmmmmmmmmmmmmmmlm' +
      'mmmlmmlmmlmlmmlmlmlmllmlmlllmllmllllmlllllllllllllllllllllllllklllllklllllkllllklllkl' +
      'llkllkllkllklllkllklllllmlmmmnmnnnonoonoooopooopoopoppoppppppppqpqpqqqqqqqqrqqqqqqpqp',
  ],
  magma: [
    '000004',
    'nmmnmmnmnnnmnnnnnnnnonnnnnnonnonnonnonoononooonoonooonoonoonoononoononononoononononoo' +
      'nonononoononoononoononoononoonoonoononoonoonoononoononoonononononononnonnnonnnnnnnnnn' +
      'nmnnmnnmnmnmnmmnmmnmmnmmmmnmmmmmnmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmlmmmmmmmmmlmmmmmmmmm',
    'mnmmnmnmnmnmnnmnnmnnmnnmnmnmnmmnmmmmnmmlmmmmmlmmmlmmmmmmnmmmnmnmnmnnmnmnnmnnmnnmnmnnm' +
      'nnmnmnmnnmnmnmnnmnmnmnmnmnmnmnmnmnnmnmnmnmnmnnmnmnnmnnmnnmnnnnnmnnnnnonnnnonnonnonoon' +
      'oonooonoooooonoooooooonoooooooonooooooonoooooonooooonooooonooooonooooonoooonooooonooo',
    'nnonooopoooooooooopoooopoopoopopoopopopoopoooooonoonnonnnnmnnnmnmnmnmmnmmnmmmmnmmmmmm' +
      'mmmmnmmmmlmmmmmmmmmmlmmmmlmmmlmmlmmlmlmmlmlmlmlmllmllmllmllmlllmllllmllllmllmllmllmml' +
      'mlmmmmmmmmmmnmmnmnmnnmnnnnnnnnnnnnnnonnnonnonnononononoononoonoonooonoooonooooooonooo',
  ],
  viridis: [
    '440154',
    'mnmnmmmnmmmmnmmmmmmmmmmmmmmmmlmmmmlmmmlmmlmmlmlmmlmlmlmlmmlmlmlmlmlmlmlmlmlmlmlmlmlmm' +
      'lmlmlmmlmlmmlmlmmlmmlmlmmlmmlmmlmlmmlmmlmmmlmmlmmmmmmlmmnmmmmmnmnmnmnnnmnnnnnonnnonon' +
      'ononoonoooooooooooooooopooopoopoopopopopopopoppopoppoppoppoppoppoppoppopoppopopopoopo',
    'nonononononononnonnnonnonnnonnonnnnonnnonnnnonnnnnonnnnnnonnnnnnnnnnonnnnnnnnnnnnnnnn' +
      'nnnnnnnnnmnnnnnnnnnnnnnnnnnmnnnnnnnnnnnnnnnnmnnnnnnnnnnnnnnnmnnnnnnnnnnnnmnnnnnnnnnmn' +
      'nnnnnmnnnnnmnnnnmnnnmnnnmnnmnnnmnmnnmnnmnmnmnmnmnmnmnmnmnmmnmmnmnmmnmmnmmnmmnmmmnmmnm',
    'onononnononnonnnonnnnnonnnnnnnmnnnnmnnnmnnmnmnmnmnmnmmnmmnmmmnmmmnmmmmmnmmmmmmmmnmmmm' +
      'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmlmmmmmmlmmmmlmmmlmmlmmlmmlmlmlmmllmlmlmllmlllmlllm' +
      'llllllllllllllllllklllkllkllkllklklklkklklkklkklkklkkklkkklklkkllkllllmlmmnmnnnnnonoo',
  ],
  plasma: [
    '0d0887',
    'ppppoopooooooonoooonooonoonoononoonoonononoononononoonononononononononnononnononnonno' +
      'nnonnnonnnonnnnonnnnnnnnonnnnnnnnnnnnnnnnnnmnnnnnnnnnmnnnnnmnnnnmnnnnmnnnmnnmnnmnnmnn' +
      'mnnmnmnmnnmnmnmnmnmmnmnmmnmmnmmnmmmmnmmmmmmmnmmmmmmlmmmmmmlmmmlmmlmlmlmlmlmlmllmllmlm',
    'lmmlmmmmmlmmmmmmmlmmmmmmmlmmmmmlmmmmmlmmmmmmlmmmmmmmmmmnmmmmnmnmnmnmnnnnnnnnnnnnonnnn' +
      'nnnnonnnnnnnonnnnnnonnnnnnnonnnnnnnonnnnnnnonnnnnnonnnnnnnonnnnnonnnnnonnnnonnnnonnno' +
      'nnnonnnonnonnonnonnonnononnononnonononononononononoononoononoonoonoonoonooonoonooonoo',
    'nnnonnnnnmnnnnnnmnnnmnnmnnmnmnnmnmnmnmmnmnmmnmmmnmmmmmmmmmmmmmmmmlmmlmmlmmlmlmllmllml' +
      'lmlllmllllllmllllllllllllmllllllllllllllmlllllllllmlllllllmlllllllmllllllmllllllmllll' +
      'llmllllllmlllllllmllllllmllllllmlllllmllllmlllmllmlmllmmlmlmmmlmmmmmnmmmmnmmnmmmmlllj',
  ],
  cividis: [
    '00224e',
    'mmmmmmmmmmmmmmmmmmmmmmnqpqppooooooononononnonnonnnnnonnnnnnnnnnnnnnnnnnnnnnnnnnnnnmnn' +
      'nnnnnnnmnnnnnnnmnnnnnnnmnnnnnnmnnnnnmnnnnnnnmnnnnnnnnnnnnnnnnnnnnmnnnnnnnnnnnnnnnnnnn' +
      'nnnnnnnnnnnnonnnnnnnnnnnnnnnnnnnnnnonnnnnnnnnnnnonnnnnnnnnonnnnnnnonnnnnnonnnnonnnmmm',
    'nnnmnnnmnnmnnmnnmnnmnmnnmnnmnnmnnnmnnmnnnmnnmnnmnnmnnnmnnmnnmnnmnnnmnnmnnmnnmnnnmnnmn' +
      'nmnnnmnnmnnmnnnmnnmnnnmnnmnnnmnnmnnnmnnnmnnmnnnmnnnmnnnmnnnmnnnmnnnmnnnnmnnnmnnnnmnnn' +
      'mnnnnmnnnnnmnnnnmnnnnnmnnnnnmnnnnnnmnnnnnnnmnnnnnnnnmnnnnnnnnnnnmnnnnnnnnnnnnnnnnnnno',
    'noonoonoooonooooononmnmmlmmmmmlmmmmlmmmmmlmmmmmmmlmmmmmmmmmmmmmmmmmmmmmmmmmmmnmmmmmmm' +
      'mnmmmmmnmmmmnmmmmnmmmnmmmnmmnmmnmmnmnmmnmmmmmmmmnmmmmlmmmmmmmmmmmmmlmmmmmlmmmmlmmmlmm' +
      'mlmmmlmmlmmlmlmmlmlmmlmlmlmlmlmlmllmllmlmlllmlllmllllmllllllllllkllllkllklklkkkkkmnno',
  ],
  turbo: [
    '30123b',
    'onnnnnnnnnnnnnmnnmnmnnmmnmmnmmmmnmmmmmlmmmmlmlllllklklklkkkklkkklkklkllkllmllmmmmmnmn' +
      'ononopopoppppqpqpqqqpqqqqqqqqqqpqqpqpqpppoppoppoppopopopopopoopoooooooooononononnnnnn' +
      'nmnmnmnmmmmmmmmmlmlmlmllmllllllllllklllklklklkklkkkkkkkkkkjkkjkjkjkjjjkjjjjjjjijjjiji',
    'pppppppppopppppopppopppoppoppopoppopopopopopopopopopopoppoopopopoopooooopoonoooonoonn' +
      'ononnnonnnnnnnnnnmnnmnnmnmnmmmnmmmmmmlmmlmlmlmllllllllkllklklkklkklkkkkkkkkkkkkkkkjkk' +
      'kkjkjkjkjjjjkjjjjjjjjjjjjjjjjjjjjkjjkjkjkkkkkkkkkkkkkkkklkklkklklklkllkllklllklllllll',
    'uttttttsstsrssrsrrrqrrqqqqqpqpppppopoooooonnnnmnmmlmllllklklkkkjkkjkjkjkjjkjjkjjkjkkj' +
      'kkjjkjjjjjjijjijjijjijijjjijjjjjkjjkkjkklklkllllmlmlmmmmmmmmnmmnmnmmnmnmmnmmmmmmmmlmm' +
      'lllmlllllllkllllkllkllklllklllklllllllllmllmllmlmlmlmmlmmlmmlmmmmlmmmmmmmmmmmmmnmmmmn',
  ],
  twilight: [
    'e2d9e2',
    'llkllkkkkkkjkjjjjjjjjjjjjjjjkjjjlikjljjkljkklkkkmjlllkllmlllmllmlmlmmmlmmmmmmlmmmmmmm' +
      'lmmmlmlmlmllmlllkllkmjlkklkklkklklklmkllllmnonmooonoooopoopopoopppoppoppopopopnqoopoo' +
      'ooooooooomponononononnonnnnnnnnnnnnnmnnnmnmnnmnmnmnnmnmnnmnnmnnnnnnnmnnnnmnnnmnmnmnmm',
    'mmmmmlmllllllkllklklklklkklkklkklkkkljkkmjkkljkkljkkljkkljjkljkkjljkjkkjklikkjkjklikj' +
      'kjkkkjjkkjkkljkklkklmklllmllmmlmmmmmmmmnnnmllmmlmmmmnmmmnmnmnmmnnmnnmnnnnnnnnnnonnono' +
      'onooooooonpoooooopooopoooopopopoopopopoponqpoopopopoopoponqoooopooooooononoonnnnnmnmm',
    'mmlllmllllkllllllkllllmllllmlmllmlmmlmlmmlmmmlmmlmmlmmlmmlmlmlmlmllmllllmllllkllllkkl' +
      'kklkljkjkjkjlhjjjjijkhjijjijlhjjkjkkljkklkmmmnmnmnnnnmnonnnnnnmonnnmnnnmnmmnmmmmmmmmm' +
      'mmmmmmmmmmmmmmmmnmmnmnmnnmnnnnnnonnoonooonppooppopppppppqnrqpqppqpqppqpppoqopoonoonnn',
  ],
  spectral: [
    '5e4fa2',
    'klkkklkkklkklkkklkkklkklkmoooooooooooopoooooooooooopopppoppoppopppoppopppoppoopoopoop' +
      'oopoopooopoopooponnnnnnnnnnnnnnnnnnnnnnnnnmmmmmmmmmmmmmlmmmmmmmmmmmmmmmmmmmmmmmmlmmmm' +
      'mmmmmmmmmlmmlmmlmmlmmlmmlmlmmlmmlmllklllkllllkllllklllkllllkkkjkkkkkkjkkkkkjkkkkkjkkk',
    'oopooopooopooopoooopooopooopoopooopooopoopooopoooponnnnnnnnonnnnnnnnnnnnnnnnnnnnnnnnn' +
      'nnnnnnnnmnnnnnnnnmnmnmmnmnmmnmmnmnmmnmnmmnlllllklllkllllkllllklllkllkkkkkkkkkkkklkkkk' +
      'kkkkkkkkkjkjkjjkjkjkjkjjkjkjkjkjkjkkklkkkkklkkkkklkkkkkklkkkjkkjkjkkjkjkkjkkjkjkkjkjk',
    'nnnnnnnnonnnnnnnnnnnnnnnnnllllllllllllllllmllllllllmmmmmmmmmmmmlmmmmmmmmmmmmmlmlmlmlm' +
      'mlmlmlmlmlmlmlmlmononononononononoononononmkkkkkkkkkkkkjkkkkkkkkkkkkklkklkklklkklkklk' +
      'klkklkklklllllkllllklllllklllllkllmnmnmnmnmnmnmnmnmmnmnmnmnmlmlmlmlmlmlmlmlmlmlmlmlml',
  ],
} as const;
