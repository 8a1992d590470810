import dog from '../../../../../examples/pictures/dog_indoor.jpg';
import bicycle from '../../../samples/bicycle.jpg';
import room from '../../../samples/room.jpg';
import street from '../../../samples/street.jpg';

export interface Sample {
  readonly address: string;
  readonly name: string;
  readonly title: string;
}

export const samples: readonly Sample[] = [
  { address: dog, name: 'dog_indoor.jpg', title: 'a dog looks up at a bowl' },
  { address: bicycle, name: 'bicycle.jpg', title: 'a bicycle by a wall' },
  { address: room, name: 'room.jpg', title: 'a room with a window' },
  { address: street, name: 'street.jpg', title: 'a street in a city' },
];

export async function sampleFile({ address, name }: Sample): Promise<File> {
  const blob = await (await fetch(address)).blob();
  return new File([blob], name, { type: 'image/jpeg' });
}
